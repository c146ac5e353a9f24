// `npm test`: Jest over everything, and once more, alone, over the few files in which something failed. A test that
// hangs on the pace of a busy machine passes then; a fault does not. Whatever needed the second try is named.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const { line } = createRequire(import.meta.url)('../test/support/count-reporter.cjs');

/** More files than that are no coincidence. */
const FEW = 3;

/** Runs all tests by `spawn(program, args)`, says how many passed, and returns the exit code. */
export async function runTests(root, args, spawn) {
  const folder = mkdtempSync(join(tmpdir(), 'tauro-counts-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  process.env.TEST_COUNTS = join(folder, 'counts.json');
  const jest = async (...jestArgs) => {
    rmSync(process.env.TEST_COUNTS, { force: true });
    const program = join(root, 'node_modules/jest/bin/jest.js');
    const code = await spawn(process.execPath, [program, '--config', 'jest.config.mjs', ...jestArgs]);
    return { code, ...countsOf(process.env.TEST_COUNTS) };
  };

  let { code, files, complete } = await jest(...args);
  const failed = files.filter((file) => file.failed > 0);
  if (complete && failed.length > 0 && failed.length <= FEW) {
    const names = failed.map(({ path }) => relative(root, path));
    console.log(`\nsomething failed in ${names.join(', ')}: once more, alone\n`);
    const again = await jest('--runTestsByPath', ...names);
    code = again.code;
    files = [...files.filter((file) => file.failed === 0), ...again.files];
    for (const name of names) {
      const passes = again.files.some((file) => relative(root, file.path) === name && file.failed === 0);
      console.log(
        passes ? `unsteady: ${name} failed beside others and passed alone` : `failed twice: ${name}`,
      );
    }
  }
  console.log(line(files));
  return code;
}

/** Of a Jest that ended before it could count: one failure. */
function countsOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { files: [{ path: '', passed: 0, failed: 1, skipped: 0 }], complete: false };
  }
}
