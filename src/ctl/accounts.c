/* accounts.c: see accounts.h. */
#include "ctl/accounts.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/place.h"
#include "io/json.h"
#include "io/seal.h"
#include "model/audit.h"
#include "model/user.h"

enum { PASSWORD_CHARS = 20, QUESTIONS = 3 };

static const struct db_table *const tables[] = {&user_sql, &audit_sql, NULL};

/* --- passwords ------------------------------------------------------------------- */

/* One line of standard input without its end; a terminal does not show it. */
static int
read_line(const char *prompt, char ret[USER_PASSWORD + 2], struct err *err)
{
	bool terminal = isatty(STDIN_FILENO);
	struct termios before, silent;
	char *got;

	if (terminal) {
		if (tcgetattr(STDIN_FILENO, &before) < 0)
			return err_errno(err, "the terminal");
		silent = before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) < 0)
			return err_errno(err, "the terminal");
		fprintf(stderr, "%s: ", prompt); /* what was typed before it is dropped */
	}
	got = fgets(ret, USER_PASSWORD + 2, stdin);
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	if (!got)
		return err_set(err, ERR_BAD_REQUEST, "There is no password on standard input.");
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

static int
check_password(const char *password, struct err *err)
{
	int n = valid_text(password);

	if (n >= USER_PASSWORD_MIN && n <= USER_PASSWORD_MAX)
		return 0;
	return err_set(err, ERR_BAD_REQUEST,
		       "A password has %d to %d characters, and no control characters.",
		       USER_PASSWORD_MIN, USER_PASSWORD_MAX);
}

/* One try at it: at a terminal it is typed twice. */
static int
ask_once(bool terminal, char ret[USER_PASSWORD + 2], struct err *err)
{
	char prompt[64], again[USER_PASSWORD + 2];
	int r;

	snprintf(prompt, sizeof(prompt), "Password, of %d characters or more", USER_PASSWORD_MIN);
	if (read_line(prompt, ret, err) < 0 || check_password(ret, err) < 0)
		return -1;
	if (!terminal)
		return 0;
	r = read_line("The same again", again, err);
	if (r == 0 && strcmp(ret, again) != 0)
		r = err_set(err, ERR_BAD_REQUEST, "These are two passwords.");
	seal_wipe(again, sizeof(again));
	return r;
}

/* At a terminal one that will not do is asked for again. */
static int
ask_password(char ret[USER_PASSWORD + 2], struct err *err)
{
	bool terminal = isatty(STDIN_FILENO);

	for (int i = 1; ask_once(terminal, ret, err) < 0; i++) {
		if (!terminal || i == QUESTIONS || feof(stdin))
			return -1;
		fprintf(stderr, "%s\n", err->text);
		*err = (struct err)ERR_INIT;
	}
	return 0;
}

/* A new password's hash; with --generate the password is left in shown, else "". */
static int
new_password(const struct command_call *call, char shown[PASSWORD_CHARS + 1],
	     char hash[SECRET_HASH], struct err *err)
{
	char password[USER_PASSWORD + 2];
	int r = 0;

	shown[0] = '\0';
	if (command_option(call, "generate")) {
		seal_password(shown, PASSWORD_CHARS);
		snprintf(password, sizeof(password), "%s", shown);
	} else
		r = ask_password(password, err);
	if (r == 0)
		r = secret_hash(call->conf->api_dir, password, hash, err);
	seal_wipe(password, sizeof(password));
	return r;
}

static void
show_password(const char *shown)
{
	if (*shown)
		printf("Its password, which is shown only now: %s\n", shown);
}

/* --- changes --------------------------------------------------------------------- */

static int
audit(struct db *db, enum audit_action action, const struct user *u, const char *what,
      struct err *err)
{
	const struct audit_entry entry = {.action = action, .actor = "storectl"};
	struct json *details = json_new_object();

	json_set_text(details, "user_id", u->id);
	json_set_text(details, "user", u->name);
	json_set_text(details, "role", user_role_words[u->role]);
	json_set_text(details, "what", what);
	json_set_int(details, "uid", (int64_t)getuid());
	return audit_add(db, &entry, details, err);
}

static int
find(struct db *db, const char *name, struct user *ret, struct err *err)
{
	int r = user_find(db, name, ret, err);

	return r == 0  ? err_set(err, ERR_USER_NOT_FOUND, "There is no user \"%.60s\".", name)
	       : r < 0 ? -1
		       : 0;
}

static int
read_role(const char *word, enum user_role *ret, struct err *err)
{
	if (user_role_of(word, ret))
		return 0;
	return err_set(err, ERR_BAD_REQUEST, "A role is viewer, operator or admin, not \"%.60s\".",
		       word);
}

static int
insert(const struct command_call *call, struct user *u, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;

	if (place_open(call, tables, &db, err) < 0 || db_begin(db, err) < 0)
		return -1;
	seal_uuid(u->id);
	u->created_at = clock_wall_ms();
	if (user_insert(db, u, err) < 0 || audit(db, AUDIT_USER_CREATE, u, "created", err) < 0)
		return -1;
	return db_commit(db, err);
}

int
accounts_add(const struct command_call *call, struct err *err)
{
	const char *role = command_option(call, "role");
	struct user u = {.role = ROLE_VIEWER};
	char shown[PASSWORD_CHARS + 1];
	int r;

	if (role && read_role(role, &u.role, err) < 0)
		return -1;
	if (command_option(call, "admin"))
		u.role = ROLE_ADMIN;
	if (!user_name_ok(call->args[0]))
		return err_set(err, ERR_BAD_REQUEST,
			       "A user's name has %d to %d lower-case letters, digits, . _ @ or -.",
			       USER_NAME_MIN, USER_NAME_MAX);
	snprintf(u.name, sizeof(u.name), "%s", call->args[0]);
	r = seal_init(err) < 0 || new_password(call, shown, u.password, err) < 0 ||
			    insert(call, &u, err) < 0
		    ? -1
		    : 0;
	if (r == 0) {
		printf("There is a new %s: %s\n", user_role_words[u.role], u.name);
		show_password(shown);
	}
	seal_wipe(shown, sizeof(shown));
	return r;
}

int
accounts_list(const struct command_call *call, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	CLEANUP(db_donep) struct db_query *q = NULL;
	CLEANUP(json_freep) struct json *array = json_new_array();
	struct buf text = BUF_INIT;
	struct user u;
	int r;

	if (place_open(call, tables, &db, err) < 0)
		return -1;
	q = user_list(db);
	while ((r = user_next(q, &u, err)) > 0) {
		char at[CLOCK_TEXT] = "never";

		json_add(array, user_json(&u));
		if (u.last_login_at)
			clock_rfc3339(u.last_login_at, at);
		if (!command_option(call, "json"))
			printf("%-*s  %-8s  last login %s\n", USER_NAME_MAX, u.name,
			       user_role_words[u.role], at);
	}
	if (command_option(call, "json")) {
		json_write(array, &text);
		puts(buf_text(&text));
	}
	buf_free(&text);
	return r;
}

static int
set_password(const struct command_call *call, const char *hash, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	struct user u;

	if (place_open(call, tables, &db, err) < 0 || db_begin(db, err) < 0 ||
	    find(db, call->args[0], &u, err) < 0 || user_set_password(db, &u, hash, err) < 0 ||
	    audit(db, AUDIT_USER_CHANGE, &u, "new password", err) < 0)
		return -1;
	return db_commit(db, err);
}

int
accounts_passwd(const struct command_call *call, struct err *err)
{
	char shown[PASSWORD_CHARS + 1], hash[SECRET_HASH];
	int r;

	r = seal_init(err) < 0 || new_password(call, shown, hash, err) < 0 ||
			    set_password(call, hash, err) < 0
		    ? -1
		    : 0;
	if (r == 0) {
		printf("%s has a new password, and all its sessions have ended.\n", call->args[0]);
		show_password(shown);
	}
	seal_wipe(shown, sizeof(shown));
	return r;
}

int
accounts_role(const struct command_call *call, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	enum user_role role;
	struct user u;

	if (read_role(call->args[1], &role, err) < 0 || place_open(call, tables, &db, err) < 0 ||
	    db_begin(db, err) < 0 || find(db, call->args[0], &u, err) < 0 ||
	    user_set_role(db, &u, role, err) < 0)
		return -1;
	u.role = role;
	if (audit(db, AUDIT_USER_CHANGE, &u, "new role", err) < 0 || db_commit(db, err) < 0)
		return -1;
	printf("%s is %s now, and all its sessions have ended.\n", u.name, user_role_words[role]);
	return 0;
}

int
accounts_remove(const struct command_call *call, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	struct user u;

	if (place_open(call, tables, &db, err) < 0 || db_begin(db, err) < 0 ||
	    find(db, call->args[0], &u, err) < 0 || user_delete(db, &u, err) < 0 ||
	    audit(db, AUDIT_USER_DELETE, &u, "removed", err) < 0 || db_commit(db, err) < 0)
		return -1;
	printf("%s is gone, with its sessions and tokens; its stores stay.\n", u.name);
	return 0;
}
