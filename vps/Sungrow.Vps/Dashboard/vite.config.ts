import { createHash } from 'node:crypto';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const compressible = /\.(html|js|css|svg|webmanifest)$/;

/** Tells the service worker what the shell is, beside the page. */
function shell(): Plugin {
  return {
    name: 'shell',
    enforce: 'post',
    generateBundle(_, bundle) {
      const worker = bundle['worker.js'];
      const page = bundle['index.html'];
      if (worker?.type !== 'chunk' || page?.type !== 'asset') {
        this.error('The build has no worker.js or no index.html.');
      }

      const files = [...Object.keys(bundle).filter(name => name.startsWith('assets/')).sort(), 'icon.svg'].map(name => `/${name}`);
      const version = createHash('sha256').update(files.join()).update(page.source).digest('hex').slice(0, 12);
      worker.code = `const SHELL=${JSON.stringify({ version, files })};${worker.code}`;
    },
  };
}

/** Compressed once here instead of at each request. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    closeBundle() {
      for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
        const file = join('dist', name);
        if (!statSync(file).isFile() || !compressible.test(name)) {
          continue;
        }

        const text = readFileSync(file);
        writeFileSync(`${file}.gz`, gzipSync(text, { level: 9 }));
        writeFileSync(`${file}.br`, brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: text.length } }));
      }
    },
  };
}

export default defineConfig({
  plugins: [shell(), compressed()],
  build: {
    target: 'es2022',
    modulePreload: false, // One script: nothing to preload, and no inline polyfill for the CSP to refuse.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rollupOptions: {
      input: { dashboard: 'index.html', worker: 'worker/worker.ts' },
      output: {
        entryFileNames: chunk => (chunk.name === 'worker' ? 'worker.js' : 'assets/[name]-[hash].js'),
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
});
