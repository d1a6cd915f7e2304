/*
 * test_recovery.c: every cell of the recovery table, and the statuses that are
 * read out of release records, damaged ones included.
 */
#include "tool.h"

#include <string.h>

#include "provisioner/recovery.h"

static void
every_cell(void **state)
{
	static const struct {
		const char *word;
		enum recovery provision, delete;
	} rows[] = {
		{"none", RECOVERY_INSTALL, RECOVERY_PASS},
		{"deployed", RECOVERY_COMPARE, RECOVERY_UNINSTALL},
		{"failed", RECOVERY_INSTALL, RECOVERY_UNINSTALL},
		{"superseded", RECOVERY_INSTALL, RECOVERY_UNINSTALL},
		{"pending-install", RECOVERY_FORGET, RECOVERY_UNINSTALL},
		{"pending-upgrade", RECOVERY_FORGET, RECOVERY_UNINSTALL},
		{"pending-rollback", RECOVERY_FORGET, RECOVERY_UNINSTALL},
		{"uninstalling", RECOVERY_UNINSTALL, RECOVERY_UNINSTALL},
		{"uninstalled", RECOVERY_FORGET, RECOVERY_PASS},
		{"unreadable", RECOVERY_STOP, RECOVERY_PASS},
	};

	(void)state;
	assert_int_equal(ARRAY_SIZE(rows), RELEASE_STATUSES);
	for (int i = 0; i < RELEASE_STATUSES; i++) {
		assert_string_equal(release_word((enum release_status)i), rows[i].word);
		assert_int_equal(recovery_of((enum release_status)i, JOB_PROVISION),
				 rows[i].provision);
		assert_int_equal(recovery_of((enum release_status)i, JOB_DELETE), rows[i].delete);
	}
	assert_int_equal(JOB_KINDS, 2); /* a new kind needs its column here */
}

/* base64 of base64 of gzip of {"info":{"status":"<word>"}}, as helm writes it. */
static const struct {
	const char *what, *data;
	enum release_status want;
} payloads[] = {
	{"deployed",
	 "SDRzSUFBQUFBQUFDQTZ0V3lrdk1UVld5VWxBcVQ5YXRVTkpSVU1yTVM4c0g4cXVWaWtzU1"
	 "MwcUxRVklwcVFVNStaV3BLVXExUVBteTFLTGl6UHc4b0xoaExRRHo4cm1zUGdBQUFBPT0=",
	 RELEASE_DEPLOYED},
	{"pending-rollback",
	 "SDRzSUFBQUFBQUFDQTZ0V3lrdk1UVld5VWxBcVQ5YXRVTkpSVU1yTVM4c0g4cXVWaWtzU1"
	 "MwcUxRVklGcVhrcG1YbnB1a1g1T1RsSmljblpTclZBZFdXcFJjV1orWGxBZWNOYUFQZUlM"
	 "T3RHQUFBQQ==",
	 RELEASE_PENDING_ROLLBACK},
	{"uninstalling",
	 "SDRzSUFBQUFBQUFDQTZ0V3lrdk1UVld5VWxBcVQ5YXRVTkpSVU1yTVM4c0g4cXVWaWtzU1"
	 "MwcUxRVktsZVpsNVFGNU9UbVpldWxJdFVFMVphbEZ4Wm40ZVVNNndGZ0Q3ZlVSU1FnQUFB"
	 "QT09",
	 RELEASE_UNINSTALLING},
	{"a word of no helm",
	 "SDRzSUFBQUFBQUFDQTZ0V3lrdk1UVld5VWxBcVQ5YXRVTkpSVU1yTVM4c0g4cXVWaWtzU1"
	 "MwcUxRVklabVVtcFJYbUpKWmw1NlVxMVFDVmxxVVhGbWZsNVFDbkRXZ0NnZkZqOFFRQUFB"
	 "QT09",
	 RELEASE_UNREADABLE},
	{"the word none",
	 "SDRzSUFBQUFBQUFDQTZ0V3lrdk1UVld5VWxBcVQ5YXRVTkpSVU1yTVM4c0g4cXVWaWtzU1"
	 "MwcUxRVko1K1htcFNyVkF1YkxVb3VMTS9EeWdtR0V0QU9XRUdNUTZBQUFB",
	 RELEASE_UNREADABLE},
	{"nothing",
	 "",
	 RELEASE_UNREADABLE},
	{"no base64",
	 "%%%",
	 RELEASE_UNREADABLE},
	{"base64 of no base64",
	 "JSUl",
	 RELEASE_UNREADABLE},
	{"no gzip",
	 "YUdWc2JHOD0=",
	 RELEASE_UNREADABLE},
	{"gzip of no JSON",
	 "SDRzSUFBQUFBQUFDQTh0SXpjbkpCd0NHcGhBMkJRQUFBQT09",
	 RELEASE_UNREADABLE},
	{"gzip of another JSON",
	 "SDRzSUFBQUFBQUFDQTRzMmpBVUF1REl2VEFNQUFBQT0=",
	 RELEASE_UNREADABLE},
	{"a wrong checksum",
	 "SDRzSUFBQUFBQUFDQTZ0V3lrdk1UVld5VWxBcVQ5YXRVTkpSVU1yTVM4c0g4cXVWaWtzU1"
	 "MwcUxRVklwcVFVNStaV3BLVXExUVBteTFLTGl6UHc4b0xoaExRRHo4cmlzUGdBQUFBPT0=",
	 RELEASE_UNREADABLE},
	{"bytes behind the end",
	 "SDRzSUFBQUFBQUFDQTZ0V3lrdk1UVld5VWxBcVQ5YXRVTkpSVU1yTVM4c0g4cXVWaWtzU1"
	 "MwcUxRVklwcVFVNStaV3BLVXExUVBteTFLTGl6UHc4b0xoaExRRHo4cm1zUGdBQUFIZz0=",
	 RELEASE_UNREADABLE},
};

static void
statuses_of_payloads(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++)
		if (release_payload(payloads[i].data) != payloads[i].want)
			fail_msg("%s: %s", payloads[i].what,
				 release_word(release_payload(payloads[i].data)));
}

/* Whatever is cut off, and wherever: no crash, and never a status that is not there. */
static void
cut_payloads(void **state)
{
	char text[512];

	(void)state;
	for (size_t n = 0; n < strlen(payloads[0].data); n++) {
		memcpy(text, payloads[0].data, n);
		text[n] = '\0';
		assert_int_equal(release_payload(text), RELEASE_UNREADABLE);
	}
}

int
main(void)
{
	const struct CMUnitTest recovery[] = {
		cmocka_unit_test(every_cell),
		cmocka_unit_test(statuses_of_payloads),
		cmocka_unit_test(cut_payloads),
	};

	return TOOL_RUN(recovery);
}
