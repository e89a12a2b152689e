// Keeps the shell (page, script, style, icons), so that the dashboard opens without a network and says that it is offline.
// It never keeps data: what is not in the shell passes by untouched, and a figure on the page was always answered by the server.
export {};

declare const self: ServiceWorkerGlobalScope;
declare const SHELL: { readonly version: string; readonly files: readonly string[] };

const patience = 1500; // ms that a slow line may take to bring a newer page before the kept one is shown.
const kept = `shell-${SHELL.version}`;

self.addEventListener('install', event => {
  event.waitUntil(caches.open(kept).then(cache => cache.addAll(['/', ...SHELL.files])).then(() => self.skipWaiting()));
});

self.addEventListener('activate', event => {
  event.waitUntil(
    caches.keys()
      .then(names => Promise.all(names.filter(name => name !== kept).map(name => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('fetch', event => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== self.location.origin) {
    return;
  }

  if (url.pathname === '/') {
    event.respondWith(page(event.request));
  } else if (SHELL.files.includes(url.pathname)) {
    event.respondWith(caches.match(url.pathname).then(file => file ?? fetch(event.request)));
  }
});

async function page(request: Request): Promise<Response> {
  const newer = fetch(request);
  const slow = new Promise<undefined>(resolve => setTimeout(() => resolve(undefined), patience));
  const first = await Promise.race([newer, slow]).catch(() => undefined);
  return first ?? (await caches.match('/')) ?? newer;
}
