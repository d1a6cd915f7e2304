/*
 * pause.c: the program of a pod's sandbox. It holds the pod's namespaces, and is the
 * parent of last resort where the pod's containers share their processes.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void
end(int signal)
{
	(void)signal;
	_exit(0);
}

static void
reap(int signal)
{
	(void)signal;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int
main(void)
{
	signal(SIGINT, end);
	signal(SIGTERM, end);
	signal(SIGCHLD, reap);
	for (;;)
		pause();
}
