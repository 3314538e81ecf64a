import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/**
 * Turns a directory into a compile cache with other code for a module, as any user with write access can do: Node checks only a
 * checksum of the source.
 * @param marker the file that the planted code creates
 * @param owner the owner of all files
 */
export function plantCode(module: string, cache: string, marker: string, owner: number): void {
  const genuine = readFileSync(module);
  const code = `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(marker)}, ''); /*`;
  const planted = Buffer.from(`${code.padEnd(genuine.length - 2, '*')}*/`);
  assert.equal(planted.length, genuine.length);
  writeFileSync(module, planted);
  const load = `import { enableCompileCache } from 'node:module'; enableCompileCache(${JSON.stringify(cache)}); await import(${JSON.stringify(module)});`;
  execFileSync(process.execPath, ['--input-type=module', '-e', load], {
    env: { PATH: process.env.PATH, NODE_DISABLE_COMPILE_CACHE: undefined },
  });
  writeFileSync(module, genuine);
  let changed = 0;
  for (const name of readdirSync(cache, { recursive: true, encoding: 'utf8' })) {
    const file = join(cache, name);
    if (statSync(file).isFile()) {
      const entry = readFileSync(file);
      if (entry.readUInt32LE(12) === crc32(planted)) {
        entry.writeUInt32LE(crc32(genuine), 12);
        writeFileSync(file, entry);
        changed += 1;
      }
    }
    chownSync(file, owner, owner);
  }
  chownSync(cache, owner, owner);
  assert.ok(changed > 0, 'the source is in the cache');
  rmSync(marker);
}
