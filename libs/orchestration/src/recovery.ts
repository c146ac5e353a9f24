import { type BackfillState, type NotificationState, type RunState, type TaskState } from '@tauro/domain';

/** Whether a schedule waits for its next slot, or something is decided that is not carried out yet. */
type ScheduleStanding = 'enabled' | 'decided';

/** How work that nothing woke is found again. */
export interface Recovery {
  state: TaskState | RunState | NotificationState | BackfillState | ScheduleStanding;
  /** What normally moves it on. */
  wokenBy: string;
  /** When the reconciler looks at it: the `engine.check_at` that its transition wrote, unless it says otherwise. */
  checkAt: string;
  /** What the reconciler then does. */
  action: string;
}

/**
 * Every state in which something must still happen. A transition that needs a follow-up writes, in the same
 * write, when somebody should look whether it came: `engine.check_at`. The reconciler's only query is
 * "`check_at` has passed", so a crash between any two steps is found by the same sparse index.
 */
export const TASK_RECOVERY: readonly Recovery[] = [
  {
    state: 'QUEUED',
    wokenBy: 'its job',
    checkAt: '5 s after it was handed over, then every 15 s',
    action: 'hand it over again if its job is gone, or if a limit lets it in by now',
  },
  {
    state: 'RUNNING',
    wokenBy: 'its worker',
    checkAt: 'the end of its lease',
    action: 'give up the claim and queue it again, or fail it after 3 lost workers',
  },
  {
    state: 'RETRYING',
    wokenBy: 'a delayed job',
    checkAt: '5 s after it failed or was postponed, then 5 s after it is due',
    action: 'give back its slot; queue it',
  },
  {
    state: 'WAITING',
    wokenBy: 'a delayed job, a decision, or the end of its items or its run',
    checkAt: '5 s after it began, then 5 s after it is due, or every 15 s for items or a run',
    action:
      'give back its slot; end its wait, fail an undecided approval, start its items or its run, or end with them',
  },
  {
    state: 'SUCCESS',
    wokenBy: 'whoever ended it',
    checkAt: '5 s after it ended, until advanced',
    action: 'advance the run',
  },
  {
    state: 'FAILED',
    wokenBy: 'whoever ended it',
    checkAt: '5 s after it ended, until advanced',
    action: 'advance the run',
  },
  {
    state: 'SKIPPED',
    wokenBy: 'whoever ended it',
    checkAt: '5 s after it ended, until advanced',
    action: 'advance the run',
  },
  {
    state: 'CANCELLED',
    wokenBy: 'whoever ended it',
    checkAt: '5 s after it ended, until advanced',
    action: 'advance the run',
  },
];

export const RUN_RECOVERY: readonly Recovery[] = [
  {
    state: 'PENDING',
    wokenBy: 'the cancel that was asked for, or the task that made it',
    checkAt: '10 s after the cancel, or after a task made it',
    action: 'sweep its tasks and end it; start it for its task, or cancel it when that needs it no more',
  },
  {
    state: 'QUEUED',
    wokenBy: 'the start, or the cancel',
    checkAt: '10 s after either, then every 5 min',
    action:
      'admit it if it is its turn and queue its first tasks, or sweep; end it if all tasks are terminal',
  },
  {
    state: 'RUNNING',
    wokenBy: 'its tasks, or the cancel',
    checkAt: '10 s after start or cancel, then every 5 min',
    action: 'as for QUEUED; weigh once more what has ended, if nothing is under way',
  },
  {
    state: 'SUCCESS',
    wokenBy: 'whoever ended it',
    checkAt: '10 s after it ended, until advanced',
    action:
      'give back its slots, write the last line of its log, its datasets, notifications, events and what it triggers, wake the task that waits for it',
  },
  {
    state: 'FAILED',
    wokenBy: 'whoever ended it',
    checkAt: '10 s after it ended, until advanced',
    action:
      'give back its slots, write the last line of its log, its datasets, notifications, events and what it triggers, wake the task that waits for it',
  },
  {
    state: 'CANCELLED',
    wokenBy: 'whoever ended it',
    checkAt: '10 s after it ended, until advanced',
    action:
      'give back its slots, write the last line of its log, its datasets, notifications, events and what it triggers, wake the task that waits for it',
  },
];

export const NOTIFICATION_RECOVERY: readonly Recovery[] = [
  {
    state: 'PENDING',
    wokenBy: 'a job, delayed before a later attempt',
    checkAt: 'its `next_attempt_at`: at once, when it is due, or when the attempt under way counts as lost',
    action: 'send it, if this worker has room',
  },
];

/** Looked at by `Scheduler`, in the same way. */
export const SCHEDULE_RECOVERY: readonly Recovery[] = [
  {
    state: 'enabled',
    wokenBy: 'its alarm',
    checkAt: '5 s after its next slot is due',
    action: 'decide what is due',
  },
  {
    state: 'decided',
    wokenBy: 'whoever decided',
    checkAt: '5 s after the decision',
    action: 'make the slots and runs that are missing, and strike the decision off',
  },
];

export const BACKFILL_RECOVERY: readonly Recovery[] = [
  {
    state: 'RUNNING',
    wokenBy: 'whoever asked for it, or the ends of its runs',
    checkAt: 'at once, then 5 s after it took slots, or every 10 s while it waits',
    action: 'make the runs of its slots, take more, or end it',
  },
  {
    state: 'CANCELLED',
    wokenBy: 'the cancel',
    checkAt: 'at once, then every 5 s until none of its runs is left',
    action: 'give back slots without a run, cancel its runs',
  },
];
