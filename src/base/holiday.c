#include "base/holiday.h"

#include "base/date.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { MON, TUE, WED, THU, FRI, SAT, SUN };
enum { LAST = 0 }; /* as n of NTH */

/* What becomes of a fixed date on a weekend. */
typedef enum when_weekend {
    LOST,
    SUNDAY_TO_MONDAY,
    TO_MONDAY,
    NEAREST,  /* Saturday's on Friday, Sunday's on Monday */
    TWO_LATER /* Christmas and Boxing Day: each on the next weekday that is free of the other */
} when_weekend;

typedef enum rule_kind {
    FIXED,  /* month, day */
    NTH,    /* n-th (LAST: the last) weekday of a month */
    BEFORE, /* the last weekday before month, day */
    EASTER, /* day = days after Easter Sunday */
    /* Japan's: day that the sun crosses the equator; the day that makes up for a Sunday of 3 to 5
     * May; the day between Respect for the Aged Day and the equinox. */
    EQUINOX_SPRING,
    EQUINOX_AUTUMN,
    GOLDEN_WEEK,
    BETWEEN
} rule_kind;

typedef struct rule {
    rule_kind kind;
    int month, day, weekday, n;
    when_weekend weekend;
    int from, to; /* years; 0 = open */
} rule;

struct qlab_holidays {
    const char *name;
    int first_year, last_year; /* last: as far as the one-off days were known */
    const rule *rules;
    size_t n_rules;
    const int32_t *closed, *open; /* one-off days as 20010911, ascending */
    size_t n_closed, n_open;
};

#define ON(month, day, weekend)                                                                    \
    {                                                                                              \
        FIXED, month, day, 0, 0, weekend, 0, 0                                                     \
    }
#define ON_YEARS(month, day, weekend, from, to)                                                    \
    {                                                                                              \
        FIXED, month, day, 0, 0, weekend, from, to                                                 \
    }
#define THE(n, weekday, month)                                                                     \
    {                                                                                              \
        NTH, month, 0, weekday, n, LOST, 0, 0                                                      \
    }
#define THE_FROM(n, weekday, month, from)                                                          \
    {                                                                                              \
        NTH, month, 0, weekday, n, LOST, from, 0                                                   \
    }
#define FROM_EASTER(days)                                                                          \
    {                                                                                              \
        EASTER, 0, days, 0, 0, LOST, 0, 0                                                          \
    }
#define SPECIAL(kind)                                                                              \
    {                                                                                              \
        kind, 0, 0, 0, 0, SUNDAY_TO_MONDAY, 0, 0                                                   \
    }
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- the calendars --------------------------------------------------------------------------- */

static const rule US_RULES[] = {
    ON(1, 1, SUNDAY_TO_MONDAY), /* a Saturday's is not kept on the Friday of the old year */
    THE_FROM(3, MON, 1, 1998),  /* Martin Luther King */
    THE(3, MON, 2),
    FROM_EASTER(-2),
    THE(LAST, MON, 5),
    ON_YEARS(6, 19, NEAREST, 2022, 0), /* Juneteenth */
    ON(7, 4, NEAREST),
    THE(1, MON, 9),
    THE(4, THU, 11),
    ON(12, 25, NEAREST),
};
static const int32_t US_CLOSED[] = {
    19850927, 19940427, 20010911, 20010912, 20010913, 20010914,
    20040611, 20070102, 20121029, 20121030, 20181205, 20250109,
};

static const rule LONDON_RULES[] = {
    ON(1, 1, TO_MONDAY), FROM_EASTER(-2),   FROM_EASTER(1),        THE(1, MON, 5),
    THE(LAST, MON, 5),   THE(LAST, MON, 8), ON(12, 25, TWO_LATER), ON(12, 26, TWO_LATER),
};
static const int32_t LONDON_CLOSED[] = {
    19991231, 20020603, 20020604, 20110429, 20120604, 20120605,
    20200508, 20220602, 20220603, 20220919, 20230508,
};
static const int32_t LONDON_OPEN[] = {20020527, 20120528, 20200504, 20220530};

static const rule XETRA_RULES[] = {
    ON(1, 1, LOST),   FROM_EASTER(-2),  FROM_EASTER(1),   ON(5, 1, LOST),
    ON(12, 24, LOST), ON(12, 25, LOST), ON(12, 26, LOST), ON(12, 31, LOST),
};
/* Whit Monday, the Day of German Unity and Reformation Day, in the years that they were kept. */
static const int32_t XETRA_CLOSED[] = {
    20070528, 20141003, 20150525, 20160516, 20161003, 20170605, 20171003,
    20171031, 20180521, 20181003, 20190610, 20191003, 20200601, 20210524,
};

static const rule PARIS_RULES[] = {
    ON(1, 1, LOST), FROM_EASTER(-2),  FROM_EASTER(1),
    ON(5, 1, LOST), ON(12, 25, LOST), ON(12, 26, LOST),
};

static const rule TORONTO_RULES[] = {
    ON(1, 1, TO_MONDAY),   THE_FROM(3, MON, 2, 2008),           /* Family Day */
    FROM_EASTER(-2),       {BEFORE, 5, 25, MON, 0, LOST, 0, 0}, /* Victoria Day */
    ON(7, 1, TO_MONDAY),   THE(1, MON, 8),
    THE(1, MON, 9),        THE(2, MON, 10),
    ON(12, 25, TWO_LATER), ON(12, 26, TWO_LATER),
};
static const int32_t TORONTO_CLOSED[] = {20010911, 20010912};

static const rule TOKYO_RULES[] = {
    ON(1, 1, LOST),
    ON(1, 2, LOST),
    ON(1, 3, LOST),
    THE(2, MON, 1),
    ON(2, 11, SUNDAY_TO_MONDAY),
    ON_YEARS(2, 23, SUNDAY_TO_MONDAY, 2020, 0), /* the Emperor's birthday */
    SPECIAL(EQUINOX_SPRING),
    ON(4, 29, SUNDAY_TO_MONDAY),
    ON(5, 3, LOST),
    ON(5, 4, LOST),
    ON(5, 5, LOST),
    SPECIAL(GOLDEN_WEEK),
    THE(3, MON, 7),
    ON_YEARS(8, 11, SUNDAY_TO_MONDAY, 2016, 0), /* Mountain Day */
    THE(3, MON, 9),
    SPECIAL(BETWEEN),
    SPECIAL(EQUINOX_AUTUMN),
    THE(2, MON, 10),
    ON(11, 3, SUNDAY_TO_MONDAY),
    ON(11, 23, SUNDAY_TO_MONDAY),
    ON_YEARS(12, 23, SUNDAY_TO_MONDAY, 0, 2018), /* the Emperor's birthday */
    ON(12, 31, LOST),
};
/* The enthronement, the holidays moved for the games, and the day without trading. */
static const int32_t TOKYO_CLOSED[] = {
    20190430, 20190501, 20190502, 20191022, 20200723, 20200724,
    20200810, 20201001, 20210722, 20210723, 20210809,
};
static const int32_t TOKYO_OPEN[] = {20200720, 20200811, 20201012, 20210719, 20210811, 20211011};

/* The moon's holidays cannot be computed from the sun's calendar: every weekday closed, typhoons
 * included. */
static const int32_t HONG_KONG_CLOSED[] = {
    // clang-format off
    20100101, 20100215, 20100216, 20100402, 20100405, 20100406, 20100521, 20100616, 20100701, 20100923, 20101001, 20101227,
    20110203, 20110204, 20110405, 20110422, 20110425, 20110502, 20110510, 20110606, 20110701, 20110913, 20110929, 20111005, 20111226, 20111227,
    20120102, 20120123, 20120124, 20120125, 20120404, 20120406, 20120409, 20120501, 20120702, 20121001, 20121002, 20121023, 20121225, 20121226,
    20130101, 20130211, 20130212, 20130213, 20130329, 20130401, 20130404, 20130501, 20130517, 20130612, 20130701, 20130814, 20130920, 20131001, 20131014, 20131225, 20131226,
    20140101, 20140131, 20140203, 20140418, 20140421, 20140501, 20140506, 20140602, 20140701, 20140909, 20141001, 20141002, 20141225, 20141226,
    20150101, 20150219, 20150220, 20150403, 20150406, 20150407, 20150501, 20150525, 20150701, 20150903, 20150928, 20151001, 20151021, 20151225,
    20160101, 20160208, 20160209, 20160210, 20160325, 20160328, 20160404, 20160502, 20160609, 20160701, 20160802, 20160916, 20161010, 20161021, 20161226, 20161227,
    20170102, 20170130, 20170131, 20170404, 20170414, 20170417, 20170501, 20170503, 20170530, 20170823, 20171002, 20171005, 20171225, 20171226,
    20180101, 20180216, 20180219, 20180330, 20180402, 20180405, 20180501, 20180522, 20180618, 20180702, 20180925, 20181001, 20181017, 20181225, 20181226,
    20190101, 20190205, 20190206, 20190207, 20190405, 20190419, 20190422, 20190501, 20190513, 20190607, 20190701, 20191001, 20191007, 20191225, 20191226,
    20200101, 20200127, 20200128, 20200410, 20200413, 20200430, 20200501, 20200625, 20200701, 20201001, 20201002, 20201013, 20201026, 20201225,
    20210101, 20210212, 20210215, 20210402, 20210405, 20210406, 20210519, 20210614, 20210701, 20210922, 20211001, 20211013, 20211014, 20211227,
    20220201, 20220202, 20220203, 20220405, 20220415, 20220418, 20220502, 20220509, 20220603, 20220701, 20220912, 20221004, 20221226, 20221227,
    20230102, 20230123, 20230124, 20230125, 20230405, 20230407, 20230410, 20230501, 20230526, 20230622, 20230717, 20231002, 20231023, 20231225, 20231226,
    20240101, 20240212, 20240213, 20240329, 20240401, 20240404, 20240501, 20240515, 20240610, 20240701, 20240906, 20240918, 20241001, 20241011, 20241225, 20241226,
    20250101, 20250129, 20250130, 20250131, 20250404, 20250418, 20250421, 20250501, 20250505, 20250701, 20251001, 20251007, 20251029, 20251225, 20251226,
    20260101, 20260217, 20260218, 20260219, 20260403, 20260406, 20260407, 20260501, 20260525, 20260619, 20260701, 20261001, 20261019, 20261225,
    20270101, 20270208, 20270209, 20270326, 20270329, 20270405, 20270513, 20270609, 20270701, 20270916, 20271001, 20271008, 20271227,
    // clang-format on
};

static const rule SYDNEY_RULES[] = {
    ON(1, 1, TO_MONDAY), ON(1, 26, TO_MONDAY), FROM_EASTER(-2),       FROM_EASTER(1),
    ON(4, 25, LOST),     THE(2, MON, 6),       ON(12, 25, TWO_LATER), ON(12, 26, TWO_LATER),
};
static const int32_t SYDNEY_CLOSED[] = {19991231, 20100426, 20110426, 20220922};

static const rule SWISS_RULES[] = {
    ON(1, 1, LOST),   ON(1, 2, LOST),   FROM_EASTER(-2),  FROM_EASTER(1),
    ON(5, 1, LOST),   FROM_EASTER(39),  FROM_EASTER(50),  ON(8, 1, LOST),
    ON(12, 24, LOST), ON(12, 25, LOST), ON(12, 26, LOST), ON(12, 31, LOST),
};

/* Rules without an end hold for years to come; 2030 is where a reader should look at them again. */
enum { LOOK_AGAIN = 2030 };

static const qlab_holidays CALENDARS[] = {
    {"XNYS", 1982, LOOK_AGAIN, US_RULES, COUNT(US_RULES), US_CLOSED, NULL, COUNT(US_CLOSED), 0},
    {"XLON", 1998, LOOK_AGAIN, LONDON_RULES, COUNT(LONDON_RULES), LONDON_CLOSED, LONDON_OPEN,
     COUNT(LONDON_CLOSED), COUNT(LONDON_OPEN)},
    {"XETR", 2000, LOOK_AGAIN, XETRA_RULES, COUNT(XETRA_RULES), XETRA_CLOSED, NULL,
     COUNT(XETRA_CLOSED), 0},
    {"XPAR", 2002, LOOK_AGAIN, PARIS_RULES, COUNT(PARIS_RULES), NULL, NULL, 0, 0},
    {"XTSE", 1998, LOOK_AGAIN, TORONTO_RULES, COUNT(TORONTO_RULES), TORONTO_CLOSED, NULL,
     COUNT(TORONTO_CLOSED), 0},
    {"XTKS", 2007, LOOK_AGAIN, TOKYO_RULES, COUNT(TOKYO_RULES), TOKYO_CLOSED, TOKYO_OPEN,
     COUNT(TOKYO_CLOSED), COUNT(TOKYO_OPEN)},
    {"XHKG", 2010, 2027, NULL, 0, HONG_KONG_CLOSED, NULL, COUNT(HONG_KONG_CLOSED), 0},
    {"XASX", 1999, LOOK_AGAIN, SYDNEY_RULES, COUNT(SYDNEY_RULES), SYDNEY_CLOSED, NULL,
     COUNT(SYDNEY_CLOSED), 0},
    {"XSWX", 2001, LOOK_AGAIN, SWISS_RULES, COUNT(SWISS_RULES), NULL, NULL, 0, 0},
};

/* Markets that keep the holidays of another, and what registries call an exchange. */
static const struct {
    const char *as, *name;
} MICS[] =
    {
        {"XNAS", "XNYS"}, {"XASE", "XNYS"}, {"ARCX", "XNYS"}, {"BATS", "XNYS"}, {"OTCM", "XNYS"},
        {"XNCM", "XNYS"}, {"XNGS", "XNYS"}, {"XNMS", "XNYS"}, {"AIMX", "XLON"}, {"XFRA", "XETR"},
        {"XAMS", "XPAR"}, {"XBRU", "XPAR"}, {"XLIS", "XPAR"}, {"XTSX", "XTSE"}, {"XVTX", "XSWX"},
},
  EXCHANGES[] = {
      {"US", "XNYS"},    {"NYSE", "XNYS"}, {"NASDAQ", "XNYS"}, {"AMEX", "XNYS"}, {"LSE", "XLON"},
      {"XETRA", "XETR"}, {"F", "XETR"},    {"PA", "XPAR"},     {"AS", "XPAR"},   {"BR", "XPAR"},
      {"LS", "XPAR"},    {"TO", "XTSE"},   {"V", "XTSE"},      {"TSE", "XTKS"},  {"HK", "XHKG"},
      {"AU", "XASX"},    {"SW", "XSWX"},
};

/* ---- looking one up -------------------------------------------------------------------------- */

static const qlab_holidays *named(const char *name)
{
    for (size_t i = 0; i < COUNT(CALENDARS); i++)
        if (strcmp(CALENDARS[i].name, name) == 0)
            return &CALENDARS[i];
    return NULL;
}

const qlab_holidays *qlab_holidays_of_mic(const char *mic)
{
    for (size_t i = 0; i < COUNT(MICS); i++)
        if (strcmp(MICS[i].as, mic) == 0)
            return named(MICS[i].name);
    return named(mic);
}

const qlab_holidays *qlab_holidays_of_exchange(const char *exchange)
{
    for (size_t i = 0; i < COUNT(EXCHANGES); i++)
        if (strcmp(EXCHANGES[i].as, exchange) == 0)
            return named(EXCHANGES[i].name);
    return NULL;
}

const char *qlab_holidays_name(const qlab_holidays *h)
{
    return h->name;
}

void qlab_holidays_years(const qlab_holidays *h, int *first, int *last)
{
    *first = h->first_year;
    *last = h->last_year;
}

/* ---- one day --------------------------------------------------------------------------------- */

bool qlab_is_weekday(int32_t date)
{
    return qlab_date_weekday(date) < SAT;
}

int32_t qlab_easter_sunday(int year)
{
    const int a = year % 19, b = year / 100, c = year % 100, d = b / 4, e = b % 4;
    const int f = (b + 8) / 25, g = (b - f + 1) / 3, h = (19 * a + b - d - g + 15) % 30;
    const int i = c / 4, k = c % 4, l = (32 + 2 * e + 2 * i - h - k) % 7;
    const int m = (a + 11 * h + 22 * l) / 451, n = h + l - 7 * m + 114;
    return qlab_date_make(year, n / 31, n % 31 + 1);
}

/* The n-th (1..4) weekday of a month, or the last one. */
static int32_t nth_weekday(int year, int month, int weekday, int n)
{
    const int32_t first = qlab_date_make(year, month, 1);
    const int32_t at = first + (weekday - qlab_date_weekday(first) + 7) % 7;
    if (n != LAST)
        return at + 7 * (n - 1);
    const int32_t next =
        month == 12 ? qlab_date_make(year + 1, 1, 1) : qlab_date_make(year, month + 1, 1);
    return at + (next - 1 - at) / 7 * 7;
}

static int32_t moved(int32_t date, when_weekend weekend)
{
    const int on = qlab_date_weekday(date);
    if (on < SAT)
        return date;
    switch (weekend) {
    case LOST:
        break;
    case SUNDAY_TO_MONDAY:
        return on == SUN ? date + 1 : date;
    case TO_MONDAY:
        return date + (7 - on);
    case NEAREST:
        return on == SAT ? date - 1 : date + 1;
    case TWO_LATER:
        return date + 2;
    }
    return date;
}

/* The equinox's day of the month; day_1980_e4: its moment of 1980, in days times 10,000. */
static int32_t equinox(int year, int month, int64_t day_1980_e4)
{
    const int64_t years = year - 1980;
    const int64_t day = (day_1980_e4 * 100 + years * 242194) / 1000000 - years / 4;
    return qlab_date_make(year, month, (int)day);
}

static bool falls_on(const rule *r, int32_t date, int year)
{
    const int32_t autumn =
        r->kind == BETWEEN || r->kind == EQUINOX_AUTUMN ? equinox(year, 9, 232488) : QLAB_DATE_NONE;
    switch (r->kind) {
    case FIXED:
        return date == moved(qlab_date_make(year, r->month, r->day), r->weekend);
    case NTH:
        return date == nth_weekday(year, r->month, r->weekday, r->n);
    case BEFORE: {
        const int32_t end = qlab_date_make(year, r->month, r->day);
        return date < end && date >= end - 7 && qlab_date_weekday(date) == r->weekday;
    }
    case EASTER:
        return date == qlab_easter_sunday(year) + r->day;
    case EQUINOX_SPRING:
        return date == moved(equinox(year, 3, 208431), r->weekend);
    case EQUINOX_AUTUMN:
        return date == moved(autumn, r->weekend);
    case GOLDEN_WEEK:
        return date == qlab_date_make(year, 5, 6) && qlab_date_weekday(date) <= WED;
    case BETWEEN:
        return date == autumn - 1 && date - 1 == nth_weekday(year, 9, MON, 3);
    }
    return false;
}

static bool is_listed(const int32_t *days, size_t n, int32_t date)
{
    int year, month, day;
    qlab_date_split(date, &year, &month, &day);
    const int32_t number = year * 10000 + month * 100 + day;
    size_t low = 0, high = n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (days[mid] < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && days[low] == number;
}

bool qlab_holidays_is_regular_session(const qlab_holidays *h, int32_t date)
{
    if (!qlab_is_weekday(date))
        return false;
    const int year = qlab_date_year(date);
    for (size_t i = 0; h != NULL && i < h->n_rules; i++) {
        const rule *r = &h->rules[i];
        if (year >= r->from && (r->to == 0 || year <= r->to) && falls_on(r, date, year))
            return false;
    }
    return true;
}

bool qlab_holidays_is_session(const qlab_holidays *h, int32_t date)
{
    if (h == NULL || !qlab_is_weekday(date))
        return qlab_is_weekday(date);
    if (is_listed(h->open, h->n_open, date))
        return true;
    return !is_listed(h->closed, h->n_closed, date) && qlab_holidays_is_regular_session(h, date);
}
