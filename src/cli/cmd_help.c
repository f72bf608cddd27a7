#include "base/env.h"
#include "base/view.h"
#include "cli/cmd_int.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, SUMMARY_COLUMN = 24, OPTION_COLUMN = 26 };

void qlab_cmd_put_wrapped(FILE *out, const char *text, size_t at, size_t indent)
{
    bool first = true;
    while (*text) {
        text += strspn(text, " ");
        const size_t n = strcspn(text, " ");
        if (n == 0)
            break;
        if (!first && at + 1 + n > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        fprintf(out, "%s%.*s", first ? "" : " ", (int)n, text);
        at += n + !first;
        first = false;
        text += n;
    }
    fputc('\n', out);
}

/* A left column and a wrapped right one; a long left one gets a line of its own. */
static void put_row(FILE *out, const char *left, const char *right, size_t column)
{
    const size_t n = strlen(left);
    fprintf(out, "  %s", left);
    if (n + 4 > column)
        fprintf(out, "\n%*s", (int)column, "");
    else
        fprintf(out, "%*s", (int)(column - n - 2), "");
    qlab_cmd_put_wrapped(out, right, column, column);
}

void qlab_cmd_help_all(const qlab_cmd_entry *table, size_t n, FILE *out)
{
    fputs("quantlab turns a vendor's daily prices into governed trading signals, and proves\n"
          "every number it prints.\n\n"
          "usage: quantlab <command> [options]\n",
          out);
    for (size_t i = 0; i < n; i++) {
        if (!table[i].cmd) {
            if (i + 1 < n && table[i + 1].cmd)
                fprintf(out, "\n%s\n", table[i].group);
            continue;
        }
        put_row(out, table[i].cmd->name, table[i].cmd->summary, SUMMARY_COLUMN);
    }
    fputs("\n`quantlab <command> --help` says more; all commands take --root DIR (or\n"
          "$QUANTLAB_ROOT), --json, --quiet, --threads N and --memory-limit SIZE.\n",
          out);
}

static void put_options(FILE *out, const qlab_opt *options, bool arguments)
{
    for (const qlab_opt *o = options; o && o->type != QLAB_OPT_END; o++) {
        const bool is_argument = o->type == QLAB_OPT_ARG || o->type == QLAB_OPT_REST;
        char left[96];
        if (is_argument != arguments)
            continue;
        if (is_argument)
            snprintf(left, sizeof left, "%s%s", o->name, o->type == QLAB_OPT_REST ? "..." : "");
        else
            snprintf(left, sizeof left, "%s%s%s--%s%s%s", strlen(o->name) == 1 ? "-" : "",
                     strlen(o->name) == 1 ? o->name : "", strlen(o->name) == 1 ? ", " : "", o->name,
                     o->value ? " " : "", o->value ? o->value : "");
        qlab_buf right = QLAB_BUF_INIT;
        qlab_buf_putf(&right, "%s%s", o->help ? o->help : "",
                      o->required && !is_argument ? " (required)" : "");
        put_row(out, left, right.at, OPTION_COLUMN);
        qlab_buf_free(&right);
    }
}

/* Paragraphs are wrapped; lines that start with a blank stay as they are (examples, tables). */
static void put_paragraphs(FILE *out, const char *text)
{
    qlab_buf words = QLAB_BUF_INIT;
    while (*text) {
        const size_t n = strcspn(text, "\n");
        const bool breaks = n == 0 || *text == ' ';
        if (breaks && words.n) {
            qlab_cmd_put_wrapped(out, words.at, 0, 0);
            words.n = 0;
        }
        if (breaks)
            fprintf(out, "%.*s\n", (int)n, text);
        else
            qlab_buf_putf(&words, "%s%.*s", words.n ? " " : "", (int)n, text);
        text += n + (text[n] == '\n');
    }
    if (words.n)
        qlab_cmd_put_wrapped(out, words.at, 0, 0);
    qlab_buf_free(&words);
}

static bool has_arguments(const qlab_opt *options)
{
    for (const qlab_opt *o = options; o && o->type != QLAB_OPT_END; o++)
        if (o->type == QLAB_OPT_ARG || o->type == QLAB_OPT_REST)
            return true;
    return false;
}

static bool has_named(const qlab_opt *options)
{
    for (const qlab_opt *o = options; o && o->type != QLAB_OPT_END; o++)
        if (o->type != QLAB_OPT_ARG && o->type != QLAB_OPT_REST)
            return true;
    return false;
}

void qlab_cmd_help_one(const qlab_cmd *cmd, FILE *out)
{
    qlab_buf usage = QLAB_BUF_INIT;
    qlab_buf_putf(&usage, "usage: quantlab %s", cmd->name);
    if (cmd->args)
        qlab_buf_putf(&usage, " %s", cmd->args);
    qlab_buf_puts(&usage, " [options]");
    qlab_cmd_put_wrapped(out, usage.at, 0, 7);
    qlab_buf_free(&usage);
    fputc('\n', out);
    qlab_cmd_put_wrapped(out, cmd->summary, 0, 0);
    if (cmd->help) {
        fputc('\n', out);
        put_paragraphs(out, cmd->help);
    }
    if (has_arguments(cmd->options)) {
        fputs("\narguments\n", out);
        put_options(out, cmd->options, true);
    }
    if (has_named(cmd->options)) {
        fputs("\noptions\n", out);
        put_options(out, cmd->options, false);
    }
    fputs("\ncommon options\n", out);
    put_options(out, qlab_common_options, false);
}

size_t qlab_cmd_help_group(const qlab_cmd_entry *table, size_t n, const char *word, FILE *out)
{
    size_t found = 0;
    const size_t n_word = strlen(word);
    for (size_t i = 0; i < n; i++) {
        const qlab_cmd *c = table[i].cmd;
        if (!c || strncmp(c->name, word, n_word) != 0 || c->name[n_word] != ' ')
            continue;
        if (found++ == 0)
            fprintf(out, "usage: quantlab %s <command> [options]\n\n", word);
        put_row(out, c->name, c->summary, SUMMARY_COLUMN);
    }
    return found;
}

void qlab_cmd_help_names(const qlab_cmd_entry *table, size_t n, FILE *out)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].cmd)
            fprintf(out, "%s\n", table[i].cmd->name);
}

static void put_option_words(FILE *out, const qlab_opt *options)
{
    for (const qlab_opt *o = options; o && o->type != QLAB_OPT_END; o++)
        if (o->type != QLAB_OPT_ARG && o->type != QLAB_OPT_REST)
            fprintf(out, " --%s", o->name);
}

void qlab_cmd_completion_bash(const qlab_cmd_entry *table, size_t n, FILE *out)
{
    fputs("# bash completion of quantlab: source <(quantlab completion bash)\n"
          "_quantlab()\n"
          "{\n"
          "    local word=\"${COMP_WORDS[COMP_CWORD]}\"\n"
          "    local one=\"${COMP_WORDS[1]}\" two=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"\n"
          "    local common=\"",
          out);
    put_option_words(out, qlab_common_options);
    fputs("\"\n    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        COMPREPLY=($(compgen -W \"help",
          out);
    const char *last = "";
    for (size_t i = 0; i < n; i++) {
        const qlab_cmd *c = table[i].cmd;
        if (!c)
            continue;
        const size_t k = strcspn(c->name, " ");
        if (strncmp(last, c->name, k) != 0 || (last[k] != ' ' && last[k] != '\0'))
            fprintf(out, " %.*s", (int)k, c->name);
        last = c->name;
    }
    fputs("\" -- \"$word\"))\n        return\n    fi\n"
          "    if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
          "        case \"$one\" in\n",
          out);
    for (size_t i = 0; i < n; i++) {
        const qlab_cmd *c = table[i].cmd;
        const char *space = c ? strchr(c->name, ' ') : NULL;
        if (space)
            fprintf(out, "        %.*s) COMPREPLY+=($(compgen -W \"%s\" -- \"$word\")) ;;&\n",
                    (int)(space - c->name), c->name, space + 1);
    }
    fputs("        esac\n        [ ${#COMPREPLY[@]} -gt 0 ] && return\n    fi\n"
          "    case \"$word\" in\n    -*) ;;\n"
          "    *) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n    esac\n"
          "    local own=\"\"\n    case \"$two\" in\n",
          out);
    for (size_t pass = 0; pass < 2; pass++) /* "lake verify" before "lake" */
        for (size_t i = 0; i < n; i++) {
            const qlab_cmd *c = table[i].cmd;
            if (!c || (strchr(c->name, ' ') != NULL) != (pass == 0))
                continue;
            fprintf(out, "    \"%s\"%s) own=\"", c->name, pass == 0 ? "" : "*");
            put_option_words(out, c->options);
            fputs("\" ;;\n", out);
        }
    fputs("    esac\n    COMPREPLY=($(compgen -W \"$own $common\" -- \"$word\"))\n}\n"
          "complete -F _quantlab quantlab\n",
          out);
}
