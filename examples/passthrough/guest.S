/* SPDX-License-Identifier: MIT */
/*
 * The built-in guest: finds the device on its PCI bus, gives BAR 0 a place, and exercises the
 * device as a driver would. Real mode throughout (layout.h says why), with 32-bit registers.
 *
 * It is part of the program as a flat image: guest.c copies it into the guest's memory. All
 * addresses in it are therefore differences, offsets in the one segment that holds code, data and
 * stack; the linker has nothing to relocate.
 */
#include "edu.h"
#include "layout.h"

#define AT(symbol) ((symbol) - guest_image)

/* A register of the device. ES is BAR_SEGMENT from start to end. */
#define BAR_SEGMENT 0xffff
#define REG(offset) %es:(GUEST_BAR0 - (BAR_SEGMENT << 4) + (offset))

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE 0x80000000
#define CONFIG_COMMAND 0x04
#define CONFIG_BAR0 0x10
#define CONFIG_LINE 0x3c
#define COMMAND_MEMORY_MASTER 0x06

/* The two interrupt controllers (Intel 8259A) and the vectors they are given. */
#define PIC1 0x20
#define PIC2 0xa0
#define PIC_CASCADE 2
#define PIC_EOI 0x20
#define VECTOR0 0x20

/* Prints a text. Changes SI. */
.macro SAY text:req
	call say
	.asciz "\text"
.endm

/* Ends the run, as the hypervisor does not return from that port: something was wrong. */
.macro WRONG text:req
	SAY "\nguest: WRONG: \text\n"
	mov $1, %al
	out %al, $GUEST_PORT_VERDICT
.endm

	.section .rodata
	.balign 16
	.globl guest_image, guest_image_end
	.hidden guest_image, guest_image_end
	.code16
guest_image:
	mov %cs, %ax
	mov %ax, %ds
	mov %ax, %ss
	xor %sp, %sp /* the first push goes to the segment's end */
	mov $BAR_SEGMENT, %ax
	mov %ax, %es

	call find_device
	call place_bar
	call quiet_device
	call take_interrupts
	call test_registers
	call test_factorial
	call test_dma
	call count_interrupts
	SAY "guest: all is right\n"
	xor %al, %al
	out %al, $GUEST_PORT_VERDICT

/* Looks at each slot of bus 0. Config space is accessed through EBX from then on. */
find_device:
	mov $CONFIG_ENABLE, %ebx
1:	xor %ax, %ax
	call config_read
	cmp $0xffffffff, %eax
	jne 2f
	add $1 << 11, %ebx
	cmp $CONFIG_ENABLE + (32 << 11), %ebx
	jne 1b
	WRONG "no device on the bus"

2:	push %eax
	SAY "guest: slot "
	mov %ebx, %eax
	shr $11, %eax
	and $31, %ax
	call decimal
	SAY ": "
	mov (%esp), %eax
	call hex4
	SAY ":"
	mov (%esp), %eax
	shr $16, %eax
	call hex4
	pop %eax
	cmp $EDU_VENDOR_DEVICE, %eax
	je 3f
	WRONG "this guest knows only the edu device, 1234:11e8"
3:	ret

/* Does what a PC's firmware does: asks for the size, gives an address, turns decoding on. */
place_bar:
	mov $CONFIG_BAR0, %ax
	mov $0xffffffff, %ecx
	call config_write
	call config_read
	and $~15, %al /* flags */
	neg %eax
	shr $10, %eax
	SAY ", BAR 0 of "
	call decimal
	SAY " KiB"

	mov $CONFIG_BAR0, %ax
	mov $GUEST_BAR0, %ecx
	call config_write
	call config_read
	cmp $GUEST_BAR0, %eax
	je 1f
	WRONG "BAR 0 does not take its address"
1:	SAY " at "
	mov $GUEST_BAR0, %eax
	call hex8
	SAY "\n"

	mov $CONFIG_COMMAND, %ax
	mov $COMMAND_MEMORY_MASTER, %ecx
	jmp config_write

/* The device may be in the middle of what its last user did with it: QEMU's has no reset. */
quiet_device:
	movl $0, REG(EDU_STATUS)
	mov REG(EDU_INTERRUPT_STATUS), %eax
	mov %eax, REG(EDU_INTERRUPT_ACK)
	ret

/* Gives the controllers' inputs vectors VECTOR0 to VECTOR0 + 15, all served by one routine, and
 * lets through only the device's line. */
take_interrupts:
	push %es
	xor %ax, %ax
	mov %ax, %es
	mov $VECTOR0 * 4, %di
	mov $16, %cx
1:	mov $AT(interrupt), %ax
	stosw
	mov %cs, %ax
	stosw
	loop 1b
	pop %es

	mov $0x11, %al /* initialise: cascaded, four words */
	out %al, $PIC1
	out %al, $PIC2
	mov $VECTOR0, %al
	out %al, $PIC1 + 1
	mov $VECTOR0 + 8, %al
	out %al, $PIC2 + 1
	mov $1 << PIC_CASCADE, %al /* the second is at this input of the first */
	out %al, $PIC1 + 1
	mov $PIC_CASCADE, %al
	out %al, $PIC2 + 1
	mov $1, %al /* 8086 mode */
	out %al, $PIC1 + 1
	out %al, $PIC2 + 1

	mov $CONFIG_LINE, %ax
	call config_read
	mov %al, %cl
	mov $1, %ax
	shl %cl, %ax
	or $1 << PIC_CASCADE, %ax
	not %ax
	out %al, $PIC1 + 1
	mov %ah, %al
	out %al, $PIC2 + 1
	sti
	ret

test_registers:
	SAY "guest: identity "
	mov REG(EDU_IDENTITY), %eax
	call hex8
	cmp $EDU_IDENTITY_VALUE, %eax
	je 1f
	WRONG "the identity register"

1:	SAY ", liveness "
	mov $TEST_LIVENESS, %eax
	call hex8
	mov %eax, REG(EDU_LIVENESS)
	SAY " -> "
	mov REG(EDU_LIVENESS), %eax
	call hex8
	cmp $~TEST_LIVENESS, %eax
	je 2f
	WRONG "the liveness register"
2:	SAY "\n"
	ret

test_factorial:
	movl $EDU_STATUS_INTERRUPT, REG(EDU_STATUS)
	movl $TEST_FACTORIAL, REG(EDU_FACTORIAL)
	mov $EDU_CAUSE_FACTORIAL, %eax
	call wait_for

	SAY "guest: factorial of "
	mov $TEST_FACTORIAL, %ax
	call decimal
	SAY " is "
	mov REG(EDU_FACTORIAL), %eax
	call hex8
	cmp $TEST_FACTORIAL_VALUE, %eax
	je 1f
	WRONG "the factorial"
1:	SAY ", and the interrupt came\n"
	ret

/* Memory to device, device to other memory, compare. */
test_dma:
	push %ds
	mov $GUEST_DMA_OUT >> 4, %ax
	mov %ax, %ds
	xor %di, %di
1:	imul $167, %di, %ax /* a pattern that is no memory's initial state */
	add $13, %ax
	mov %al, (%di)
	inc %di
	cmp $TEST_DMA_BYTES, %di
	jne 1b
	pop %ds

	mov $GUEST_DMA_OUT, %eax
	mov $EDU_BUFFER, %ecx
	mov $EDU_DMA_START | EDU_DMA_INTERRUPT, %edx
	call transfer
	mov $EDU_BUFFER, %eax
	mov $GUEST_DMA_IN, %ecx
	mov $EDU_DMA_START | EDU_DMA_TO_MEMORY | EDU_DMA_INTERRUPT, %edx
	call transfer

	SAY "guest: DMA from "
	mov $GUEST_DMA_OUT, %eax
	call hex8
	SAY " to the device, and back to "
	mov $GUEST_DMA_IN, %eax
	call hex8

	push %ds
	push %es
	mov $GUEST_DMA_OUT >> 4, %ax
	mov %ax, %ds
	mov $GUEST_DMA_IN >> 4, %ax
	mov %ax, %es
	xor %si, %si
	xor %di, %di
	mov $TEST_DMA_BYTES, %cx
	repe cmpsb
	pop %es
	pop %ds
	je 2f
	WRONG "the data came back changed"
2:	SAY ": "
	mov $TEST_DMA_BYTES, %ax
	call decimal
	SAY " bytes, unchanged\n"
	ret

/* EAX source, ECX target, EDX command. Returns when the device has said that it is done. */
transfer:
	mov %eax, REG(EDU_DMA_SOURCE)
	mov %ecx, REG(EDU_DMA_TARGET)
	movl $TEST_DMA_BYTES, REG(EDU_DMA_COUNT)
	mov %edx, REG(EDU_DMA_COMMAND)
	mov $EDU_CAUSE_DMA, %eax
	jmp wait_for

/* One for the factorial, two for the transfers. There may be more calls without a cause: an
 * interrupt is a hint. */
count_interrupts:
	SAY "guest: interrupts: "
	mov AT(served), %ax
	call decimal
	SAY ", without a cause: "
	mov AT(spurious), %ax
	call decimal
	cmpw $3, AT(served)
	je 1f
	WRONG "there had to be 3"
1:	SAY "\n"
	ret

/* Waits until an interrupt had the cause in EAX, and forgets it. Without a hlt: emulators of
 * processors do not all keep an interrupt from slipping in between sti and hlt, and the wait is
 * short. */
wait_for:
	sti
	pause
	cli
	test %eax, AT(causes)
	jz wait_for
	not %eax
	and %eax, AT(causes)
	sti
	ret

/* Runs with any DS and ES: the main program may be anywhere. */
interrupt:
	push %ds
	push %es
	push %eax
	mov %cs, %ax
	mov %ax, %ds
	mov $BAR_SEGMENT, %ax
	mov %ax, %es
	mov REG(EDU_INTERRUPT_STATUS), %eax
	test %eax, %eax
	jz 1f
	mov %eax, REG(EDU_INTERRUPT_ACK)
	or %eax, AT(causes)
	incw AT(served)
	jmp 2f
1:	incw AT(spurious)
2:	mov $PIC_EOI, %al
	out %al, $PIC2
	out %al, $PIC1
	pop %eax
	pop %es
	pop %ds
	iret

/* AX: register. Returns its dword in EAX. Changes DX. */
config_read:
	call config_select
	in %dx, %eax
	ret

/* AX: register, kept. ECX: value. Changes DX. */
config_write:
	push %ax
	call config_select
	mov %ecx, %eax
	out %eax, %dx
	pop %ax
	ret

config_select:
	movzwl %ax, %eax
	or %ebx, %eax
	mov $CONFIG_ADDRESS, %dx
	out %eax, %dx
	mov $CONFIG_DATA, %dx
	ret

/* Prints the text behind the call and returns behind the text. */
say:
	pop %si
	push %ax
1:	lodsb
	test %al, %al
	jz 2f
	out %al, $GUEST_PORT_TEXT
	jmp 1b
2:	pop %ax
	jmp *%si

/* Prints EAX with 8 digits. */
hex8:
	SAY "0x"
	mov $8, %cx
	jmp hex

/* Prints AX with 4 digits. */
hex4:
	rol $16, %eax
	mov $4, %cx
hex:
	push %bx
1:	rol $4, %eax
	mov %al, %bl
	and $15, %bx
	push %ax
	mov AT(digits)(%bx), %al
	out %al, $GUEST_PORT_TEXT
	pop %ax
	loop 1b
	pop %bx
	ret

/* Prints AX in decimal. Changes AX, CX and DX. */
decimal:
	xor %dx, %dx
	mov $10, %cx
	div %cx
	push %dx
	test %ax, %ax
	jz 1f
	call decimal
1:	pop %ax
	add $'0', %al
	out %al, $GUEST_PORT_TEXT
	ret

digits:
	.ascii "0123456789abcdef"

	.balign 4
causes:
	.long 0
served:
	.word 0
spurious:
	.word 0
guest_image_end:

	.section .note.GNU-stack, "", %progbits
