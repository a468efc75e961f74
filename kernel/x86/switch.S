/*
 * switch.S - void context_switch(void **from, void *to)
 *
 * Saves what a C function must preserve on the present stack, leaves the stack pointer in *from,
 * and goes on where `to` was left. A new task's stack is laid out by task_context.c to look as if
 * it had been left here. No floating-point state: nothing in Skiff uses it.
 */
    .text
    .globl context_switch
    .balign 16
context_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret

    .section .note.GNU-stack, "", @progbits
