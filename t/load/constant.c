/*
 * constant.c: the fastest FastCGI program that libfcgi allows: it answers the
 * same bytes always, as many as $CONSTANT_BYTES says, and 304 to whoever has a
 * tag. What store-api is measured against.
 */
#include <fcgiapp.h>
#include <stdlib.h>
#include <string.h>

int
main(void)
{
	const char *bytes = getenv("CONSTANT_BYTES");
	int len = bytes ? atoi(bytes) : 0;
	char *body = malloc((size_t)len + 1);
	FCGX_Request request;

	if (!body || FCGX_Init() != 0 || FCGX_InitRequest(&request, 0, 0) != 0)
		return 1;
	memset(body, 'x', (size_t)len);
	while (FCGX_Accept_r(&request) == 0) {
		if (FCGX_GetParam("HTTP_IF_NONE_MATCH", request.envp)) {
			FCGX_FPrintF(request.out,
				     "Status: 304 Not Modified\r\nETag: \"x\"\r\n\r\n");
		} else {
			FCGX_FPrintF(request.out,
				     "Status: 200 OK\r\nETag: \"x\"\r\nCache-Control: no-cache\r\n"
				     "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
				     len);
			FCGX_PutStr(body, len, request.out);
		}
		FCGX_Finish_r(&request);
	}
	free(body);
	return 0;
}
