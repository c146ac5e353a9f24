const Sequencer = require('@jest/test-sequencer').default;

/** Suites that take longest, by the machine of a pull request. One that begins last would run alone at the end. */
const SLOW = [
  'faults/short',
  'e2e/run-batch',
  'e2e/stream-scale',
  'e2e/triggers',
  'e2e/health',
  'contract/injection',
  'e2e/migrations',
];

/** Jest knows what took long the last time, but nothing in a fresh clone, where it goes by the size of files. */
module.exports = class SlowFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const place = SLOW.findIndex((name) => path.includes(`/test/${name}.`));
      return place < 0 ? SLOW.length : place;
    };
    return [...super.sort(tests)].sort((a, b) => rank(a) - rank(b));
  }
};
