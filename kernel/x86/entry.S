/*
 * entry.S - the way in for all 256 vectors: save every register, call trap_dispatch(frame), return.
 *
 * Each vector has a stub of 8 bytes that pushes its number. The CPU pushes an error code for some
 * exceptions only; the others get a zero, so that struct trap_frame (trap.h) always looks the same.
 */
    /* Vectors 8, 10-14, 17, 21, 29, 30 (Intel SDM volume 3, table 6-1; AMD's 29 and 30). */
    .set HAS_ERROR_CODE, 1 << 8 | 0x1f << 10 | 1 << 17 | 1 << 21 | 1 << 29 | 1 << 30

    .text
    .globl trap_stubs
    .balign 8
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 8
    .byte 0x6a, vector                  /* push imm8; sign-extended, trap_dispatch() takes the low byte */
    .if vector < 32 && (HAS_ERROR_CODE >> (vector & 31)) & 1
    jmp trap_common
    .else
    jmp trap_no_error_code
    .endif
    .set vector, vector + 1
    .endr

    .balign 16
trap_no_error_code:
    pushq (%rsp)
    movq $0, 8(%rsp)
trap_common:
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %rbp
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    call trap_dispatch
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbp
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    addq $16, %rsp
    iretq

    .section .note.GNU-stack, "", @progbits
