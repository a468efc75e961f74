/*
 * test_json.c - reading and writing JSON, and iperf3's parameters, which are read from it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/apps/iperf3.h"
#include "net/apps/json.h"
#include "tests/unit/test.h"

/* On the heap with no byte behind it: AddressSanitizer sees a step too far. */
static bool is_object(const char *text)
{
    size_t len = strlen(text);
    char *exact = malloc(len ? len : 1);
    memcpy(exact, text, len);
    bool answer = json_is_object(exact, len);
    free(exact);
    return answer;
}

static int64_t number(const char *text, const char *key)
{
    return json_get_number(text, strlen(text), key, -77);
}

TEST("an object is taken with everything that may stand in it") /* RFC 8259 2 */
{
    assert_true(is_object("{}"));
    assert_true(is_object(" {\t\"a\" : [ 1 , -2.5e+3 , true,false, null, \"x\\\"y\", {} , [] ] }\r\n"));
}

TEST("what is not well-formed is no object")
{
    static const char *const wrong[] = {"",
                                        " ",
                                        "{",
                                        "}",
                                        "[]",
                                        "1",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{\"a\":1,}",
                                        "{,}",
                                        "{a:1}",
                                        "{\"a\":1}x",
                                        "{\"a\":tru}",
                                        "{\"a\":\"x}",
                                        "{\"a\":\"\\",
                                        "{\"a\":1.}",
                                        "{\"a\":-}",
                                        "{\"a\":1e}",
                                        "{\"a\" 1}",
                                        "{\"a\":[1 2]}",
                                        "{\"a\":[1,]}",
                                        "{\"a\":{\"b\":1]}",
                                        "{\"a\":\"\n\"}",
                                        "{\"a\":.5}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (is_object(wrong[i]))
            fail_msg("taken: %s", wrong[i]);
}

TEST("no document makes the reader go deeper than its bound")
{
    char deep[2000] = "{\"a\":";
    memset(deep + 5, '[', sizeof(deep) - 6);
    assert_false(is_object(deep));
    assert_true(is_object("{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}"));
    assert_false(is_object("{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"));
}

TEST("every beginning of a document is refused, without a look behind its end")
{
    const char text[] = "{\"tcp\":true,\"len\":131072,\"s\":\"a\\\\\",\"l\":[1.5e-3,null]}";
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        char *cut = strndup(text, len);
        assert_false(is_object(cut));
        free(cut);
    }
    assert_true(is_object(text));
}

TEST("a number is found by its name in the outermost object only")
{
    const char *text = "{\"x\":{\"len\":5},\"len\":7,\"lena\":9,\"list\":[{\"len\":6}]}";
    assert_int_equal(number(text, "len"), 7);
    assert_int_equal(number(text, "lena"), 9);
    assert_int_equal(number(text, "le"), -77);
}

TEST("numbers lose their fraction and stay in their range; what is no number is none")
{
    assert_int_equal(number("{\"n\":-12.9}", "n"), -12);
    assert_true(number("{\"n\":99999999999999999999999}", "n") == INT64_MAX);
    assert_int_equal(number("{\"n\":\"5\"}", "n"), -77);
    assert_int_equal(number("{\"n\":true}", "n"), -77);
}

TEST("truth and words")
{
    const char *text = "{\"a\":true,\"b\":false,\"c\":\"cubic\"}";
    char word[6];
    assert_true(json_get_true(text, strlen(text), "a"));
    assert_false(json_get_true(text, strlen(text), "b"));
    assert_false(json_get_true(text, strlen(text), "d"));
    assert_true(json_get_string(text, strlen(text), "c", word, sizeof(word)));
    assert_string_equal(word, "cubic");
    assert_false(json_get_string(text, strlen(text), "c", word, 5)); /* no room for its NUL */
    assert_string_equal(word, "");
}

static void write_object(struct json_writer *w, char *text, size_t size)
{
    json_start(w, text, size);
    json_open(w, NULL, '{');
    json_put_number(w, "id", -1);
    json_open(w, "list", '[');
    json_open(w, NULL, '{');
    json_put_micro(w, "end", 2000001);
    json_close(w, '}');
    json_put_micro(w, NULL, -500000);
    json_close(w, ']');
    json_put_word(w, "name", "reno");
    json_close(w, '}');
}

TEST("what is written has its commas and can be read")
{
    struct json_writer w;
    char text[200];
    write_object(&w, text, sizeof(text));
    assert_string_equal(text, "{\"id\":-1,\"list\":[{\"end\":2.000001},-0.500000],\"name\":\"reno\"}");
    assert_int_equal(w.len, strlen(text));
    assert_false(w.full);
    assert_true(is_object(text));
}

TEST("a writer without room says so and stays inside it")
{
    for (size_t size = 1; size < 60; size++) {
        struct json_writer w;
        char *text = malloc(size);
        write_object(&w, text, size);
        assert_true(w.full && w.len < size && text[w.len] == '\0');
        free(text);
    }
}

/* --- iperf3 --- */

static int read_params(const char *json, struct iperf3_params *params)
{
    return iperf3_read_params(json, strlen(json), params);
}

TEST("iperf3's parameters are read as its client writes them")
{
    struct iperf3_params p;
    assert_int_equal(
        read_params("{\"tcp\":true,\"omit\":0,\"time\":2,\"num\":0,\"blockcount\":0,\"parallel\":4,"
                    "\"reverse\":true,\"nodelay\":true,\"len\":8192,\"bandwidth\":1000000,"
                    "\"pacing_timer\":1000,\"congestion\":\"cubic\",\"client_version\":\"3.12\"}",
                    &p),
        0);
    assert_true(p.streams == 4 && p.reverse && !p.both && p.nodelay && p.block_len == 8192 &&
                p.bits_per_s == 1000000);
    assert_string_equal(p.congestion, "cubic");
}

TEST("iperf3 parameters that nobody gave have their defaults, absurd ones a bound")
{
    struct iperf3_params p;
    assert_int_equal(read_params("{\"tcp\":true,\"len\":1000000000,\"bandwidth\":-5}", &p), 0);
    assert_true(p.streams == 1 && !p.reverse && p.block_len == IPERF3_BUFFER && p.bits_per_s == 0);
    assert_int_equal(read_params("{\"tcp\":true,\"len\":-1}", &p), 0);
    assert_true(p.block_len == IPERF3_BUFFER);
}

TEST("what iperf3's client asks for and we do not do is refused by its own numbers")
{
    struct iperf3_params p;
    assert_int_equal(read_params("{\"udp\":true,\"parallel\":1}", &p), IPERF3_ERROR_UNIMPLEMENTED);
    assert_int_equal(read_params("{\"tcp\":true,\"parallel\":25}", &p), IPERF3_ERROR_STREAMS);
    assert_int_equal(read_params("{\"tcp\":true,\"parallel\":0}", &p), IPERF3_ERROR_STREAMS);
    assert_int_equal(read_params("{\"tcp\":true,\"parallel\":13,\"bidirectional\":true}", &p),
                     IPERF3_ERROR_STREAMS);
    assert_int_equal(read_params("garbage", &p), -1);
}

TEST_MAIN()
