/*
 * attr.h: the few compiler extensions that this code base leans on.
 *
 * MUST_CHECK   the caller has to look at the result
 * PRINTF(f,a)  format string checked against its arguments
 * FALLTHROUGH  a case goes on into the next one, on purpose
 * CLEANUP(fn)  fn(&variable) runs when the variable leaves its scope
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define FALLTHROUGH __attribute__((fallthrough))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Defines NAMEp(T *) for CLEANUP out of NAME(T), a destructor that takes NULL. */
#define CLEANUP_FUNC(type, name)                                                                   \
	static inline void name##p(type *v)                                                        \
	{                                                                                          \
		name(*v);                                                                          \
	}

#endif
