const { writeFileSync, writeSync } = require('node:fs');

const KINDS = ['passed', 'failed', 'skipped'];

/**
 * Ends the output with `N passed, N failed` (and `, N skipped` when there are any) alone on the last line, or writes
 * the counts of each file to TEST_COUNTS for whoever started Jest and says it himself.
 */
module.exports = class CountReporter {
  onRunComplete(_contexts, results) {
    const files = results.testResults.map((file) => ({
      path: file.testFilePath,
      passed: file.numPassingTests,
      // A file that could not even be loaded is one failure, so that it can never look like success.
      failed: file.numFailingTests + (file.testExecError ? 1 : 0),
      skipped: file.numPendingTests + file.numTodoTests,
    }));
    // Something broke outside of every file: a set-up of all, an interrupted run.
    const complete = results.success || files.some((file) => file.failed > 0);
    if (process.env.TEST_COUNTS) {
      writeFileSync(process.env.TEST_COUNTS, JSON.stringify({ files, complete }));
      return;
    }
    const line = CountReporter.line(files);
    // Written as the process ends: what other reporters still have to say (coverage) comes before it.
    process.once('exit', () => writeSync(1, `${line}\n`));
  }

  static line(files) {
    const [passed, failed, skipped] = KINDS.map((kind) => files.reduce((sum, file) => sum + file[kind], 0));
    return `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
  }
};
