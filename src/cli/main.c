/* cli/main.c -- the one table of commands, in data-flow order. */
#include "cli/cmd.h"

/* GROUP("heading") and CMD(name): the command qlab_cmd_<name> of cli/cmd_<name>.c. */
#define COMMANDS                                                                                   \
    GROUP("a root, a market")                                                                      \
    CMD(init)                                                                                      \
    CMD(config_show)                                                                               \
    CMD(synth)                                                                                     \
    CMD(synth_day)                                                                                 \
    GROUP("data in: vendor to lake")                                                               \
    CMD(ingest)                                                                                    \
    CMD(ack)                                                                                       \
    CMD(lake_log)                                                                                  \
    CMD(lake_show)                                                                                 \
    CMD(lake_files)                                                                                \
    CMD(lake_verify)                                                                               \
    CMD(lake_export)                                                                               \
    CMD(lake_compact)                                                                              \
    CMD(lake_gc)                                                                                   \
    GROUP("truth: actions, delistings, snapshots")                                                 \
    CMD(actions_load)                                                                              \
    CMD(actions_derive)                                                                            \
    CMD(actions_show)                                                                              \
    CMD(delistings_load)                                                                           \
    CMD(delistings_show)                                                                           \
    CMD(snapshot_build)                                                                            \
    CMD(snapshot_diff)                                                                             \
    CMD(snapshot_list)                                                                             \
    CMD(snapshot_show)                                                                             \
    CMD(snapshot_verify)                                                                           \
    GROUP("features")                                                                              \
    CMD(features_build)                                                                            \
    CMD(features_update)                                                                           \
    CMD(features_show)                                                                             \
    CMD(features_list)                                                                             \
    CMD(features_check_leaks)                                                                      \
    GROUP("candidates and stages")                                                                 \
    CMD(candidates_list)                                                                           \
    CMD(candidates_check)                                                                          \
    CMD(candidates_explain)                                                                        \
    CMD(stage_a_run)                                                                               \
    CMD(stage_a_show)                                                                              \
    CMD(stage_b_run)                                                                               \
    CMD(stage_b_show)                                                                              \
    GROUP("guards: is the data in, whole and like other days")                                     \
    CMD(guard_sessions)                                                                            \
    CMD(guard_freshness)                                                                           \
    CMD(guard_reconcile)                                                                           \
    CMD(guard_record)                                                                              \
    CMD(guard_drift)                                                                               \
    CMD(guard_thresholds)                                                                          \
    CMD(guard_invalidate)                                                                          \
    CMD(guard_coverage)                                                                            \
    GROUP("registry")                                                                              \
    CMD(registry_trials)                                                                           \
    CMD(registry_verify)                                                                           \
    GROUP("looking")                                                                               \
    CMD(stat_psr)                                                                                  \
    CMD(stat_mintrl)                                                                               \
    CMD(stat_dsr)                                                                                  \
    CMD(stat_sharpediff)                                                                           \
    CMD(stat_trials)                                                                               \
    CMD(stat_emax)                                                                                 \
    CMD(stat_minbtl)                                                                               \
    CMD(stat_nw)                                                                                   \
    CMD(stat_har)                                                                                  \
    CMD(stat_spearman)                                                                             \
    CMD(stat_adjust)                                                                               \
    CMD(stat_cpcv)                                                                                 \
    CMD(stat_purge)                                                                                \
    CMD(stat_blocklength)                                                                          \
    CMD(stat_bootstrap)                                                                            \
    CMD(stat_pbo)                                                                                  \
    CMD(stat_spa)                                                                                  \
    CMD(stat_calibrate)                                                                            \
    CMD(stat_shrink)                                                                               \
    CMD(stat_tri)                                                                                  \
    CMD(sql)                                                                                       \
    CMD(runs_list)

#define GROUP(heading)
#define CMD(name) extern const qlab_cmd qlab_cmd_##name;
COMMANDS
#undef GROUP
#undef CMD

#define GROUP(heading) {heading, NULL},
#define CMD(name)      {NULL, &qlab_cmd_##name},
static const qlab_cmd_entry TABLE[] = {COMMANDS};

int main(int argc, char **argv)
{
    return qlab_cmd_main(TABLE, sizeof TABLE / sizeof TABLE[0], argc, argv);
}
