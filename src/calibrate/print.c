/* A calibration for people. */
#include "calibrate/calibrate.h"

#include <math.h>
#include <string.h>

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return json_is_number(v) ? json_number_value(v) : NAN;
}

static void put_percent(FILE *out, double share)
{
    if (isnan(share))
        fprintf(out, "%8s", "-");
    else
        fprintf(out, "%7.1f%%", 100.0 * share);
}

/* One gate a line: how often noise passes it, then each planted edge. */
static void print_gates(const json_t *noise, const json_t *planted, FILE *out)
{
    const json_t *any = noise != NULL && json_is_object(noise) ? noise : json_array_get(planted, 0);
    const json_t *gates = json_object_get(any, "gates");

    for (size_t g = 0; g < json_array_size(gates); g++) {
        const json_t *gate = json_array_get(gates, g);
        fprintf(out, "%s %-26s", json_string_value(json_object_get(gate, "stage")),
                json_string_value(json_object_get(gate, "name")));
        put_percent(out, number(json_array_get(json_object_get(noise, "gates"), g), "rate"));
        for (size_t i = 0; i < json_array_size(planted) && i < 5; i++)
            put_percent(
                out, number(json_array_get(json_object_get(json_array_get(planted, i), "gates"), g),
                            "rate"));
        fputc('\n', out);
    }
}

static void print_row(const char *label, const char *key, const json_t *noise,
                      const json_t *planted, FILE *out)
{
    fprintf(out, "%-28s", label);
    put_percent(out, number(noise, key));
    for (size_t i = 0; i < json_array_size(planted) && i < 5; i++)
        put_percent(out, number(json_array_get(planted, i), key));
    fputc('\n', out);
}

static void print_noise(const json_t *noise, FILE *out)
{
    static const struct {
        const char *key, *what;
    } TESTS[] = {{"har_p_at_5_percent_h1", "HAR t of the IC at 5 %, h = 1"},
                 {"har_p_at_5_percent_h5", "HAR t of the IC at 5 %, h = 5"},
                 {"har_p_at_5_percent_h20", "HAR t of the IC at 5 %, h = 20"},
                 {"psr_at_95_percent", "PSR(0) >= 0.95"},
                 {"sets_any_bh", "sets: any discovery, BH"},
                 {"sets_any_psr", "sets: any PSR(0) >= 0.95 (DSR with N = 1)"},
                 {"sets_any_dsr", "sets: any DSR >= 0.95"},
                 {"sets_any_spa", "sets: any adjusted SPA p <= 0.05"}};
    const json_t *tests = json_object_get(noise, "tests");

    fputs("\nsize on noise, over all open sessions, books free of costs\n", out);
    for (size_t i = 0; i < sizeof TESTS / sizeof TESTS[0]; i++) {
        fprintf(out, "  %-46s", TESTS[i].what);
        put_percent(out, number(tests, TESTS[i].key));
        fputc('\n', out);
    }
    fprintf(out, "  %-46s%8.3f\n", "mean PBO", number(noise, "mean_pbo"));
    fprintf(out, "  %-46s", "sets: any candidate passes stage A");
    put_percent(out, number(noise, "sets_any_stage_a"));
    fprintf(out, "\n  %-46s", "sets: any candidate passes stage B's gates");
    put_percent(out, number(noise, "sets_any_stage_b"));
    fprintf(out, "\n  %-46s", "sets: the selection process passes");
    put_percent(out, number(noise, "sets_selection_passed"));
    fprintf(out, "\n  %-46s", "sets: any candidate passes everything");
    put_percent(out, number(noise, "sets_any_survivor"));
    fputc('\n', out);
}

void qlab_calibrate_print(const json_t *report, FILE *out)
{
    const json_t *design = json_object_get(report, "design");
    const json_t *noise = json_object_get(report, "noise");
    const json_t *planted = json_object_get(report, "planted");
    const double half = number(report, "sharpe_at_half_power");

    fprintf(out, "policy %s, %.0f candidates on %.0f names and %.0f sessions, horizon %.0f\n",
            json_string_value(json_object_get(design, "policy")), number(design, "candidates"),
            number(design, "names"), number(design, "sessions"), number(design, "horizon"));
    if (json_is_object(noise))
        fprintf(out, "%.0f sets of noise: %.0f sessions open, rank autocorrelation %.3f\n",
                number(noise, "sets"), number(noise, "sessions"),
                number(noise, "rank_autocorrelation"));
    fprintf(out, "\n%-28s%8s", "share that passes", "noise");
    for (size_t i = 0; i < json_array_size(planted) && i < 5; i++)
        fprintf(out, "%8.2f", number(json_array_get(planted, i), "mean_sharpe_annual"));
    fputs("  true net Sharpe\n", out);
    print_gates(noise, planted, out);
    print_row("stage A, all gates", "stage_a", noise, planted, out);
    print_row("stage B, all gates", "stage_b", noise, planted, out);
    print_row("survives", "survives", noise, planted, out);
    if (json_is_object(noise))
        print_noise(noise, out);
    if (json_array_size(planted) > 0 && isnan(half))
        fputs("\npower does not cross 50 % on this grid of Sharpe ratios\n", out);
    else if (!isnan(half))
        fprintf(out, "\npower reaches 50 %% at an annual net Sharpe ratio of %.2f\n", half);
}
