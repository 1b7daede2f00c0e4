import { html } from '../../lib/lit/lit.js';
import { empty } from '../ui/notice.js';
import { href } from './router.js';
import '../pages/instances.js';
import '../pages/instance.js';
import '../pages/launch.js';
import '../pages/images.js';
import '../pages/image.js';
import '../pages/image-upload.js';
import '../pages/instance-types.js';
import '../pages/hosts.js';
import '../pages/events.js';
import '../pages/access-keys.js';

// What the navigation shows. `section` is the first part of the addresses below it.
export const sections = [
  { section: 'instances', title: 'Instances', icon: 'instance', group: 'Compute' },
  { section: 'images', title: 'Images', icon: 'image', group: 'Compute' },
  { section: 'instance-types', title: 'Instance types', icon: 'type', group: 'Compute' },
  { section: 'hosts', title: 'Hosts', icon: 'host', group: 'Operations' },
  { section: 'events', title: 'Events', icon: 'event', group: 'Operations' },
  { section: 'access-keys', title: 'Access keys', icon: 'key', group: 'Account' },
];

// Addresses, most special first; ':id' takes one part. Parts after these are the page's own (its tab).
const pages = [
  ['instances/launch', 'Launch instances', route => html`<launch-page class="page-element" .image=${route.query.get('image') ?? ''} .type=${route.query.get('type') ?? ''}></launch-page>`],
  ['instances/:id', ({ parts }) => parts[1], ({ parts }) => html`<instance-page class="page-element" .instanceId=${parts[1]} .tab=${parts[2] ?? 'details'}></instance-page>`],
  ['instances', 'Instances', () => html`<instances-page class="page-element"></instances-page>`],
  ['images/upload', 'Upload an image', () => html`<image-upload-page class="page-element"></image-upload-page>`],
  ['images/:id', ({ parts }) => parts[1], ({ parts }) => html`<image-page class="page-element" .imageId=${parts[1]}></image-page>`],
  ['images', 'Images', () => html`<images-page class="page-element"></images-page>`],
  ['instance-types', 'Instance types', () => html`<instance-types-page class="page-element"></instance-types-page>`],
  ['hosts', 'Hosts', () => html`<hosts-page class="page-element"></hosts-page>`],
  ['events', 'Events', () => html`<events-page class="page-element"></events-page>`],
  ['access-keys', 'Access keys', () => html`<access-keys-page class="page-element"></access-keys-page>`],
];

const nowhere = html`<div class="page-head"><h1>There is no such page</h1></div>
  <div class="card">${empty('search', 'Nothing is at this address', 'It may be mistyped or old.',
  html`<a class="button primary" href=${href('instances')}>Go to the instances</a>`)}</div>`;

/** @returns {{key: string, section: string, title: string, render: (route) => any}} */
export function findPage(route) {
  const parts = route.parts.length ? route.parts : ['instances'];
  for (const [pattern, title, render] of pages) {
    const wanted = pattern.split('/');
    if (wanted.every((part, i) => part === parts[i] || (part === ':id' && parts[i])))
      return { key: parts.slice(0, wanted.length).join('/'), section: parts[0], title: typeof title === 'string' ? title : title(route), render };
  }
  return { key: parts.join('/'), section: '', title: 'No such page', render: () => nowhere };
}
