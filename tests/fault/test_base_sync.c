/* Files put in place from behind: all there after the wait, or the first failure and no leftovers.
 */
#include "base/alloc.h"
#include "base/file.h"
#include "base/sync.h"
#include "support/t.h"

#include <stdio.h>
#include <string.h>

static char *put_one(qlab_sync *s, const char *dir, int i, bool lost)
{
    qlab_err err = QLAB_ERR_INIT;
    char *folder = qlab_asprintf("%s/a/b%d", dir, i % 7),
         *final = qlab_asprintf("%s/f%d", folder, i);
    T_OK(qlab_sync_make_folder(s, folder, &err));
    char *tmp = qlab_file_tmp_name(final);
    FILE *f = lost ? NULL : fopen(tmp, "w");
    if (f != NULL) {
        fprintf(f, "%d", i);
        fclose(f);
    }
    qlab_sync_put(s, tmp, final);
    qlab_free(tmp);
    qlab_free(folder);
    return final;
}

T_TEST(all_are_in_place_after_the_wait)
{
    enum { N = 300 };
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir(), *final[N];
    qlab_sync *s = qlab_sync_new();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i++)
            final[i] = put_one(s, dir, i, false);
        T_OK(qlab_sync_wait(s, &err));
        for (int i = 0; i < N; i++) {
            char *tmp = qlab_file_tmp_name(final[i]);
            T_CHECK(qlab_file_exists(final[i]) && !qlab_file_exists(tmp));
            qlab_free(tmp);
            qlab_free(final[i]);
        }
    }
    qlab_sync_free(s);
    t_rmdir(dir);
}

T_TEST(says_the_first_failure_and_clears_up)
{
    qlab_err err = QLAB_ERR_INIT;
    char *dir = t_tmpdir();
    qlab_sync *s = qlab_sync_new();
    char *lost = put_one(s, dir, 0, true), *after = put_one(s, dir, 1, false);
    T_CHECK(qlab_sync_wait(s, &err) == QLAB_E_NOT_FOUND);
    T_CONTAINS(err.text, "f0");
    qlab_err_reset(&err);
    char *tmp = qlab_file_tmp_name(after);
    T_CHECK(!qlab_file_exists(tmp));
    /* and is good again */
    char *next = put_one(s, dir, 2, false);
    T_OK(qlab_sync_wait(s, &err));
    T_CHECK(qlab_file_exists(next));
    qlab_sync_free(s);
    qlab_free(tmp);
    qlab_free(lost);
    qlab_free(after);
    qlab_free(next);
    t_rmdir(dir);
}

T_MAIN(T_CASE(all_are_in_place_after_the_wait), T_CASE(says_the_first_failure_and_clears_up))
