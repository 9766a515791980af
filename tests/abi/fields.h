/* SPDX-License-Identifier: MIT */
/* Compile-time assertions that read the same in C11 and C++17. */
#ifndef RAWPCI_TESTS_ABI_FIELDS_H
#define RAWPCI_TESTS_ABI_FIELDS_H

#include <stddef.h>

#include <rawpci.h>

#ifdef __cplusplus
#include <type_traits>
#define IS_TRUE(condition, text) static_assert(condition, text)
#define SAME_TYPE(expression, type) std::is_same<decltype(expression), type>::value
#define ALIGN_OF(type) alignof(type)
#else
#define IS_TRUE(condition, text) _Static_assert(condition, text)
#define SAME_TYPE(expression, type) __builtin_types_compatible_p(__typeof__(expression), type)
#define ALIGN_OF(type) _Alignof(type)
#endif

#define STRUCTURE(type, size, align)                                                               \
	IS_TRUE(sizeof(type) == (size), #type " has another size");                                \
	IS_TRUE(ALIGN_OF(type) == (align), #type " has another alignment")

#define PART(type, field, offset, size)                                                            \
	IS_TRUE(offsetof(type, field) == (offset), #type "." #field " is elsewhere");              \
	IS_TRUE(sizeof(((type *)0)->field) == (size), #type "." #field " has another size")

#define FIELD(type, field, of, offset, size)                                                       \
	PART(type, field, offset, size);                                                           \
	IS_TRUE(SAME_TYPE(((type *)0)->field, of), #type "." #field " has another type")

#define VALUE(name, value) IS_TRUE((name) == (value), #name " has another value")

#define ENUMERATION(type, last)                                                                    \
	IS_TRUE(sizeof(type) == 4, #type " has another size");                                     \
	VALUE(last, 0x7fffffff)

#endif
