import { ACTIVE_TASK_STATES } from '@tauro/domain';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BACKFILL_RECOVERY,
  NOTIFICATION_RECOVERY,
  RUN_RECOVERY,
  SCHEDULE_RECOVERY,
  TASK_RECOVERY,
} from './recovery.js';

// Without the padding that aligns the columns.
const documented = readFileSync(join(__dirname, '../../../docs/engine.md'), 'utf8').replace(/ +/g, ' ');

describe('how work that nothing woke is found again', () => {
  it.each([
    ...TASK_RECOVERY,
    ...RUN_RECOVERY,
    ...NOTIFICATION_RECOVERY,
    ...SCHEDULE_RECOVERY,
    ...BACKFILL_RECOVERY,
  ])('the documentation says it of $state as the code does', (row) => {
    expect(documented).toContain(`| ${row.state} | ${row.wokenBy} | ${row.checkAt} | ${row.action} |`);
  });

  it('covers every state of a task that is left to somebody', () => {
    const covered = TASK_RECOVERY.map((row) => row.state);
    // PENDING has no time of its own: the task before it has one until it was told.
    expect(covered).toEqual(
      expect.arrayContaining(ACTIVE_TASK_STATES.filter((state) => state !== 'PENDING')),
    );
  });
});
