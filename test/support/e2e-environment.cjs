const { TestEnvironment } = require('jest-environment-node');

/** Node, and it remembers that a test of the file failed: Tauro then shows what its processes printed. */
module.exports = class E2eEnvironment extends TestEnvironment {
  async handleTestEvent(event) {
    if (['test_fn_failure', 'hook_failure'].includes(event.name)) this.global.someTestFailed = true;
  }
};
