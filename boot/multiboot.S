/*
 * multiboot.S - from the boot loader to the first line of C.
 *
 * Two headers: multiboot 1 for QEMU's -kernel, multiboot 2 for GRUB. Both enter at _start in 32-bit
 * protected mode, paging off, with a magic number in EAX and the address of their information in
 * EBX. We map the first 4 GiB one to one (a loader may leave a module anywhere below), switch to
 * long mode and call kernel_main(magic, info). kernel/x86/paging.c replaces the tables made here.
 */
    .set MB1_MAGIC, 0x1badb002
    .set MB1_FLAGS, 1 << 0 | 1 << 1     /* modules on page boundaries; memory information */
    .set MB1_BOOT_MAGIC, 0x2badb002
    .set MB1_HAS_MEMORY, 1 << 0
    .set MB1_MEM_UPPER, 8               /* KiB of memory from 1 MiB up */
    .set MB2_MAGIC, 0xe85250d6

    .set CR0_PE, 1 << 0
    .set CR0_WP, 1 << 16
    .set CR0_PG, 1 << 31
    .set CR4_PAE, 1 << 5
    .set MSR_EFER, 0xc0000080
    .set EFER_LME, 1 << 8
    .set PTE_PRESENT_WRITE, 3
    .set PTE_LARGE, 1 << 7

    .section .multiboot, "a"
    .balign 8
    .long MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)

    .balign 8
mb2:
    .long MB2_MAGIC, 0, mb2_end - mb2, 0x100000000 - (MB2_MAGIC + (mb2_end - mb2))
mb2_request:                            /* information request, optional: memory maps, framebuffer, ACPI */
    .short 1, 1
    .long mb2_request_end - mb2_request, 6, 8, 14, 15, 17
mb2_request_end:
    .balign 8
    .short 4, 1                         /* consoles, optional: text will do */
    .long 12, 1 << 1
    .balign 8
    .short 5, 1                         /* framebuffer, optional: of any size */
    .long 20, 0, 0, 0
    .balign 8
    .short 6, 0                         /* modules on page boundaries */
    .long 8
    .balign 8
    .short 0, 0                         /* end */
    .long 8
mb2_end:

    /* First in the image, texts included: where memory ends before the image does, this part is there. */
    .section .text.boot, "ax"
    .code32
    .globl _start
_start:
    cli
    cld
    cmpl $MB1_BOOT_MAGIC, %eax          /* QEMU loads us also where there is no memory; GRUB does not */
    jne 1f
    testl $MB1_HAS_MEMORY, (%ebx)
    jz 1f
    cmpl $__image_kib, MB1_MEM_UPPER(%ebx)
    jb too_little_memory
1:  movl $boot_stack_top, %esp
    movl %eax, %ebp                     /* EAX and EBX are needed for CPUID */
    movl %ebx, %esi

    movl $0x80000000, %eax              /* long mode: CPUID 80000001h, EDX bit 29 */
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc no_long_mode

    movl $boot_pdpt + PTE_PRESENT_WRITE, boot_pml4
    movl $boot_pd + PTE_PRESENT_WRITE, %eax
    movl $boot_pdpt, %edi
    movl $4, %ecx
1:  movl %eax, (%edi)                   /* four directories of 1 GiB each */
    addl $4096, %eax
    addl $8, %edi
    decl %ecx
    jnz 1b
    movl $PTE_PRESENT_WRITE | PTE_LARGE, %eax
    movl $boot_pd, %edi
    movl $4 * 512, %ecx
1:  movl %eax, (%edi)                   /* pages of 2 MiB */
    addl $0x200000, %eax
    addl $8, %edi
    decl %ecx
    jnz 1b

    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl $CR0_PE | CR0_WP | CR0_PG, %eax
    movl %eax, %cr0
    lgdt boot_gdtr
    ljmp $8, $long_mode

too_little_memory:
    movl $too_little_memory_text, %esi
    jmp say_and_halt
no_long_mode:
    movl $no_long_mode_text, %esi
say_and_halt:                           /* the sentence at ESI, on the serial line and on the screen */
    movl $0xb8000, %edi
1:  lodsb
    testb %al, %al
    jz 2f
    movb $0x0f, %ah
    movw %ax, (%edi)
    addl $2, %edi
    movw $0x3f8, %dx
    outb %al, %dx
    jmp 1b
2:  hlt
    jmp 2b
no_long_mode_text:
    .asciz "Skiff needs a 64-bit processor (x86-64); this one is not.\r\n"
too_little_memory_text:
    .asciz "Too little memory for Skiff itself; give the machine at least 4 MiB.\r\n"

    .text
    .code64
long_mode:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %eax, %fs
    movl %eax, %gs
    movl $boot_stack_top, %esp
    movl %ebp, %edi
    xorl %ebp, %ebp                     /* ends every backtrace */
    call kernel_main
1:  hlt
    jmp 1b

    .section .rodata.boot, "a"
    .balign 8
boot_gdt:
    .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
boot_gdtr:
    .short boot_gdtr - boot_gdt - 1
    .long boot_gdt

    /* kernel_main() and the main loop stay on this stack; paging.c takes the guard page away. */
    .section .bss.boot_stack, "aw", @nobits
    .balign 4096
    .globl boot_stack_guard, boot_stack_top
boot_stack_guard:
    .skip 4096
    .skip 16384
boot_stack_top:

    /* Given to the page allocator once paging.c has built the real ones. */
    .section .bss.boot_tables, "aw", @nobits
    .balign 4096
    .globl boot_tables, boot_tables_end
boot_tables:
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_pd:
    .skip 4 * 4096
boot_tables_end:

    .section .note.GNU-stack, "", @progbits
