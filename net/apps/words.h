/*
 * words.h - a line of a command cut into words, with quotes as shells have them.
 */
#ifndef NET_APPS_WORDS_H
#define NET_APPS_WORDS_H

/**
 * words_split - cut a line in place
 * @words: receives at most max - 1 of them and a NULL behind the last
 * @why:   what is wrong, if the result is -1
 *
 * Words are separated by blanks. 'single quotes' keep everything as it stands; in "double quotes" and outside
 * of quotes a backslash takes the next character as it stands. A # at the start of a word begins a comment.
 *
 * Return: how many words there are, or -1 (a quote without its end, too many words).
 */
int words_split(char *line, char **words, int max, const char **why);

#endif
