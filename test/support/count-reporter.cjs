const { writeSync } = require('node:fs');

/**
 * Ends the output with `N passed, N failed` (and `, N skipped` when there are any) alone on the last line.
 * A suite that could not even be loaded counts as one failure, so that it can never look like success.
 */
module.exports = class CountReporter {
  onRunComplete(_contexts, results) {
    const skipped = results.numPendingTests + results.numTodoTests;
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const line = `${results.numPassedTests} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}\n`;
    // Written as the process ends: what other reporters still have to say (coverage) comes before it.
    process.once('exit', () => writeSync(1, line));
  }
};
