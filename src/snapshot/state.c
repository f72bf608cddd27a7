/* States as bytes; see state.h. */
#include "snapshot/state.h"

#include "base/alloc.h"
#include "base/date.h"
#include "base/file.h"
#include "ops/run.h"
#include <string.h>

static const char MAGIC[8] = "QLSTATE1";

void qlab_state_free(qlab_state *s)
{
    qlab_free(s->assets);
    qlab_free(s->lives);
    qlab_free(s->steps);
    qlab_free(s->years);
    qlab_free(s->runs);
    qlab_free(s->closes);
    qlab_free(s->money);
    *s = (qlab_state){0};
}

void qlab_state_days_free(qlab_state_days *d)
{
    qlab_free(d->years);
    qlab_free(d->days);
    *d = (qlab_state_days){0};
}

void qlab_state_next(const qlab_state *s, size_t asset, qlab_state_at *at)
{
    if (at->asset == NULL) {
        *at =
            (qlab_state_at){s->assets, s->lives, s->steps, s->years, s->runs, s->closes, s->money};
        return;
    }
    const qlab_state_asset *before = &s->assets[asset - 1];
    at->asset = &s->assets[asset];
    at->lives += before->n_lives;
    at->steps += before->n_steps;
    at->years += before->n_years;
    at->runs += before->n_runs;
    at->closes += before->n_closes;
    at->money += before->n_money;
}

#define APPEND(to, list, from, count)                                                              \
    do {                                                                                           \
        qlab_grow((void **)&(to)->list, &(to)->cap_##list, (to)->n_##list + (count) + 1,           \
                  sizeof *(to)->list);                                                             \
        if ((count) > 0)                                                                           \
            memcpy((to)->list + (to)->n_##list, (from), (count) * sizeof *(to)->list);             \
        (to)->n_##list += (count);                                                                 \
    } while (0)

void qlab_state_copy(qlab_state *to, const qlab_state_at *from)
{
    const qlab_state_asset *a = from->asset;
    APPEND(to, assets, a, (size_t)1);
    APPEND(to, lives, from->lives, a->n_lives);
    APPEND(to, steps, from->steps, a->n_steps);
    APPEND(to, years, from->years, a->n_years);
    APPEND(to, runs, from->runs, a->n_runs);
    APPEND(to, closes, from->closes, a->n_closes);
    APPEND(to, money, from->money, a->n_money);
}

/* ---- bytes ------------------------------------------------------------------------------------
 */

void qlab_state_encode(const qlab_state *s, qlab_buf *out)
{
    qlab_put_array(out, s->assets, s->n_assets, sizeof *s->assets);
    qlab_put_array(out, s->lives, s->n_lives, sizeof *s->lives);
    qlab_put_array(out, s->steps, s->n_steps, sizeof *s->steps);
    qlab_put_array(out, s->years, s->n_years, sizeof *s->years);
    qlab_put_array(out, s->runs, s->n_runs, sizeof *s->runs);
    qlab_put_array(out, s->closes, s->n_closes, sizeof *s->closes);
    qlab_put_array(out, s->money, s->n_money, sizeof *s->money);
}

/* The counts of the records are those of the lists. */
static bool adds_up(const qlab_state *s)
{
    uint64_t n[6] = {0};
    for (size_t i = 0; i < s->n_assets; i++) {
        const qlab_state_asset *a = &s->assets[i];
        n[0] += a->n_lives;
        n[1] += a->n_steps;
        n[2] += a->n_years;
        n[3] += a->n_runs;
        n[4] += a->n_closes;
        n[5] += a->n_money;
        if (a->last_reason >= QLAB_ELIGIBILITY_COUNT || a->has_valid > 1 ||
            (a->has_valid && a->carry.bars_seen == 0))
            return false;
    }
    return s->n_assets <= QLAB_LAKE_BUCKET_ASSETS && n[0] == s->n_lives && n[1] == s->n_steps &&
           n[2] == s->n_years && n[3] == s->n_runs && n[4] == s->n_closes && n[5] == s->n_money;
}

bool qlab_state_decode(const qlab_buf *in, qlab_state *out)
{
    size_t pos = 0;
    *out = (qlab_state){0};
#define TAKE(name)                                                                                 \
    qlab_take_array(in, &pos, (void **)&out->name, &out->n_##name, &out->cap_##name,               \
                    sizeof *out->name)
    bool ok = TAKE(assets) && TAKE(lives) && TAKE(steps) && TAKE(years) && TAKE(runs) &&
              TAKE(closes) && TAKE(money) && pos == in->n && adds_up(out);
    if (!ok)
        qlab_state_free(out);
    return ok;
}

void qlab_state_days_encode(const qlab_state_days *d, qlab_buf *out)
{
    qlab_put_array(out, d->years, d->n_years, sizeof *d->years);
    qlab_put_array(out, d->days, d->n_days, sizeof *d->days);
}

bool qlab_state_days_decode(const qlab_buf *in, qlab_state_days *out)
{
    size_t pos = 0;
    uint64_t n = 0;
    *out = (qlab_state_days){0};
    bool ok = TAKE(years) && TAKE(days) && pos == in->n;
#undef TAKE
    for (size_t i = 0; ok && i < out->n_years; i++)
        n += out->years[i].n;
    if (!ok || n != out->n_days) {
        qlab_state_days_free(out);
        return false;
    }
    return true;
}

/* ---- files ------------------------------------------------------------------------------------
 */

char *qlab_state_dir(const qlab_build *b)
{
    char hex[17];
    json_t *o = json_object();
    json_object_set_new(o, "program", json_string(qlab_program_commit()));
    json_object_set_new(o, "results_version", json_integer(QLAB_RESULTS_VERSION));
    json_object_set_new(o, "price_basis", json_integer(b->view->price_basis));
    json_object_set_new(o, "record_bytes", json_integer(sizeof(qlab_state_asset)));
    json_object_set_new(o, "rule", qlab_eligible_rule_json(&b->o.rule));
    qlab_hex_short(qlab_json_digest(o), 16, hex);
    json_decref(o);
    return qlab_asprintf("%s/snapshots/state/%s", b->env->root, hex);
}

enum { HEAD_BYTES = sizeof MAGIC + QLAB_SHA256_BYTES };

qlab_code qlab_state_read(const qlab_build *b, const char *name, qlab_buf *out, bool *found,
                          qlab_err *err)
{
    char *path = qlab_path_join(b->state_dir, name);
    qlab_code code = QLAB_OK;
    qlab_buf file = QLAB_BUF_INIT;
    *found = false;
    out->n = 0;
    if (!b->o.full && qlab_file_exists(path))
        code = qlab_file_read(path, &file, err);
    if (code == QLAB_OK && file.n > 0) {
        qlab_digest is = {{0}}, want = {{0}};
        if (file.n >= HEAD_BYTES) {
            is = qlab_sha256_of(file.at + HEAD_BYTES, file.n - HEAD_BYTES);
            memcpy(want.at, file.at + sizeof MAGIC, QLAB_SHA256_BYTES);
        }
        *found = file.n >= HEAD_BYTES && memcmp(file.at, MAGIC, sizeof MAGIC) == 0 &&
                 qlab_digest_cmp(&is, &want) == 0;
        if (*found)
            qlab_buf_put(out, file.at + HEAD_BYTES, file.n - HEAD_BYTES);
        else
            qlab_log_line(b->env->log, QLAB_LOG_WARN, "snapshot",
                          "event=state_damaged path=\"%s\" detail=\"its bucket is read whole\"",
                          path);
    }
    qlab_buf_free(&file);
    qlab_free(path);
    return code;
}

qlab_code qlab_state_write(const qlab_build *b, const char *name, const qlab_buf *bytes,
                           qlab_err *err)
{
    char *path = qlab_path_join(b->state_dir, name);
    qlab_digest d = qlab_sha256_of(bytes->at, bytes->n);
    qlab_buf file = QLAB_BUF_INIT;
    qlab_buf_put(&file, MAGIC, sizeof MAGIC);
    qlab_buf_put(&file, d.at, sizeof d.at);
    qlab_buf_put(&file, bytes->at, bytes->n);
    qlab_code code = qlab_dir_make(b->state_dir, err);
    if (code == QLAB_OK)
        code = qlab_file_write(path, file.at, file.n, err);
    qlab_buf_free(&file);
    qlab_free(path);
    return code;
}

char *qlab_state_name(const qlab_build *b, size_t bucket)
{
    return qlab_asprintf("%04d-%05zu.state", qlab_date_year(b->border), bucket);
}

bool qlab_state_stands(const qlab_build *b, size_t bucket)
{
    char *name = qlab_state_name(b, bucket), *path = qlab_path_join(b->state_dir, name);
    bool stands = !b->o.full && qlab_file_exists(path);
    qlab_free(path);
    qlab_free(name);
    return stands;
}
