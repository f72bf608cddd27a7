/* cli/cmd_init.c -- `quantlab init`: a root with a commented quantlab.yaml. */
#include "base/alloc.h"
#include "base/file.h"
#include "cli/cmd.h"

typedef struct opts {
    const char *dir;
} opts;

static const qlab_opt OPTIONS[] = {
    QLAB_ARG(opts, dir, "DIR", "the folder; made when it is missing"),
    QLAB_OPTS_END,
};

static qlab_code run(qlab_ctx *cx, const void *given, qlab_err *err)
{
    const opts *o = given;
    qlab_buf text = QLAB_BUF_INIT;
    char *path = qlab_path_join(o->dir, "quantlab.yaml");
    qlab_code rc = QLAB_OK;
    if (qlab_file_exists(path)) {
        rc = qlab_fail(err, QLAB_E_USAGE, "%s is there already; nothing was changed", path);
        goto done;
    }
    if (!cx->env.dry_run) {
        qlab_config_template(&text);
        if ((rc = qlab_dir_make(o->dir, err)) != QLAB_OK ||
            (rc = qlab_file_write_new(path, text.at, text.n, err)) != QLAB_OK)
            goto done;
    }
    if (cx->json) {
        json_t *v = json_object();
        json_object_set_new(v, "root", json_string(o->dir));
        json_object_set_new(v, "config", json_string(path));
        qlab_cmd_print_json(cx, v);
        json_decref(v);
    } else {
        fprintf(cx->out, "%s %s\nnext: quantlab ingest --root %s --vendor DIR\n",
                cx->env.dry_run ? "would write" : "wrote", path, o->dir);
    }
done:
    qlab_buf_free(&text);
    qlab_free(path);
    return rc;
}

const qlab_cmd qlab_cmd_init = {
    .name = "init",
    .args = "DIR",
    .summary = "make a root with a commented quantlab.yaml",
    .help = "A root is the folder that holds everything: configuration, lake, snapshots, features, "
            "runs. The quantlab.yaml that is written names every key with its built-in value, "
            "commented out.\n"
            "\n"
            "example:\n"
            "  quantlab init ~/quant\n",
    .needs = QLAB_WRITES,
    .options = OPTIONS,
    .opts_size = sizeof(opts),
    .run = run,
};
