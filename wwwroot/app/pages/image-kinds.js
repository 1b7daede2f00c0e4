import { html } from '../../lib/lit/lit.js';

// The kinds of image, in the words of who uploads one.
export const kinds = {
  machine: { title: 'Machine image', short: 'AMI', file: 'raw disk image', text: 'What instances are launched from: a root disk, and the kernel that boots it.' },
  kernel: { title: 'Kernel', short: 'AKI', file: 'kernel', text: 'A Linux kernel with Xen PV support: vmlinuz (bzImage) or vmlinux (ELF).' },
  ramdisk: { title: 'Ramdisk', short: 'ARI', file: 'ramdisk', text: 'An initial ramdisk (initrd.img) that a kernel starts with.' },
};

export const kindTag = image => html`<span class="tag" title=${kinds[image.kind].text}>${kinds[image.kind].title}</span>`;
