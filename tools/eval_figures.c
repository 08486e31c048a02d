/* Prints the figures of `tern eval`. */
#include "tools/eval_figures.h"
#include "tools/cli.h"

#include <math.h>

void eval_add(struct eval_figures *f, const char *name, enum eval_unit unit, double value)
{
    f->all[f->n++] = (struct eval_figure){.name = name, .unit = unit, .value = value};
}

void eval_add_line(struct eval_figures *f, const char *name, size_t line, const char *text, size_t bytes)
{
    f->all[f->n++] = (struct eval_figure){name, EVAL_LINE, (double)line, text, bytes};
}

void eval_print_text(const struct eval_figures *f)
{
    for (const struct eval_figure *g = f->all; g < f->all + f->n; g++) {
        printf("%-13s ", g->name);
        if (isnan(g->value)) {
            fputs("undefined", stdout);
        } else if (g->unit == EVAL_LINE) {
            printf("line %.0f: ", g->value);
            cli_text(stdout, g->text, g->bytes);
        } else {
            printf("%.*f",
                   g->unit == EVAL_COUNT  ? 0
                   : g->unit == EVAL_PART ? 2
                                          : 6,
                   g->unit == EVAL_PART ? 100 * g->value : g->value);
        }
        putchar('\n');
    }
}

void eval_print_json(const struct eval_figures *f)
{
    for (const struct eval_figure *g = f->all; g < f->all + f->n; g++) {
        printf(",\"%s\":", g->name);
        if (g->unit == EVAL_LINE) {
            printf("{\"line\":%.0f,\"text\":", g->value);
            cli_json_string(stdout, g->text, g->bytes);
            putchar('}');
        } else {
            cli_json_number(stdout, g->value, g->unit == EVAL_COUNT ? 15 : 9);
        }
    }
}
