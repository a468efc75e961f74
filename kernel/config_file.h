/*
 * config_file.h - skiff.cfg: words of the command line in a file that a person edits.
 *
 * One word or several on a line, written as on the command line; '#' at the start of a word begins a comment.
 * Lines end with LF, CR LF or CR, and a UTF-8 byte order mark is skipped: any editor will do. A wrong line is
 * left out and named by its number; it never stops the boot.
 */
#ifndef KERNEL_CONFIG_FILE_H
#define KERNEL_CONFIG_FILE_H

#include "kernel/types.h"

#define CONFIG_FILE_NAME     "skiff.cfg"
#define CONFIG_FILE_MAX      (64u * 1024) /* bytes of it that are read */
#define CONFIG_FILE_LINE_MAX 1024u
#define CONFIG_FILE_WARNINGS 10 /* wrong lines that are told one by one */

/* The walk through the text. Starts with .text and .len set, the rest zero. */
struct config_reader {
    const char *text; /* borrowed */
    size_t len, at;
    unsigned number; /* of the line read last, from 1 */
};

/**
 * config_file_next - the next line that has words
 * @words, @len: where they stand in the text, without the comment behind them
 * @why: on -EINVAL a sentence: what is wrong with line reader->number, and what to write instead
 *
 * Return: 1 for a line with words, 0 at the end, -EINVAL for a wrong line (go on with the next).
 */
int config_file_next(struct config_reader *reader, const char **words, size_t *len, const char **why);

/* Adds the words of the file to the command line, where they have not been given (cmdline_add()). */
void config_file_load(const char *text, size_t len);

#endif
