/* health.c: see health.h. */
#include "model/health.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

const char *const health_words[HEALTH_COMPONENTS] = {"cluster", "helm"};

enum { SET, GET, GENERATION };

static const char *const statements[] = {
	[SET] = "INSERT INTO health (component, ok, sentence, checked_at)"
		" VALUES (:component, :ok, :sentence, :now)"
		" ON CONFLICT (component) DO UPDATE SET checked_at = :now, ok = :ok,"
		" sentence = :sentence",
	[GET] = "SELECT component, ok, sentence, checked_at FROM health",
	[GENERATION] = "SELECT epoch, n FROM generation",
};
DB_TABLE(health_sql, statements);

int
health_set(struct db *db, enum health_component c, bool ok, const char *sentence, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &health_sql, SET);

	db_bind_text(q, ":component", health_words[c]);
	db_bind_int(q, ":ok", ok);
	db_bind_text(q, ":sentence", sentence);
	db_bind_int(q, ":now", clock_wall_ms());
	return db_run(q, err) < 0 ? -1 : 0;
}

int
health_get(struct db *db, struct health ret[HEALTH_COMPONENTS], struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &health_sql, GET);
	int r;

	memset(ret, 0, sizeof(*ret) * HEALTH_COMPONENTS);
	while ((r = db_step(q, err)) > 0)
		for (int i = 0; i < HEALTH_COMPONENTS; i++)
			if (strcmp(db_text(q, 0), health_words[i]) == 0) {
				ret[i].known = true;
				ret[i].ok = db_int(q, 1) != 0;
				snprintf(ret[i].sentence, sizeof(ret[i].sentence), "%s",
					 db_text(q, 2));
				ret[i].checked_at = db_int(q, 3);
			}
	return r;
}

int
health_generation(struct db *db, char ret[HEALTH_GENERATION], struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &health_sql, GENERATION);

	if (db_step(q, err) < 0)
		return -1;
	snprintf(ret, HEALTH_GENERATION, "%s.%lld", db_text(q, 0), (long long)db_int(q, 1));
	return 0;
}
