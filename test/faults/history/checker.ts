import { oneCompletionPerClaim, slotsAreKept } from './check-claims.js';
import { linesOnce, numbersWithoutGap } from './check-logs.js';
import { noTaskBeforeItsTurn } from './check-order.js';
import {
  everythingEnds,
  nothingAcknowledgedIsLost,
  oneTerminalState,
  onlyLegalTransitions,
} from './check-states.js';
import { type Check, type History, type Violation } from './history.js';

/** What the engine promises whatever breaks, each as a question to the history of what was stored. */
export const CHECKS: Record<string, Check> = {
  nothingAcknowledgedIsLost,
  everythingEnds,
  oneTerminalState,
  onlyLegalTransitions,
  oneCompletionPerClaim,
  noTaskBeforeItsTurn,
  numbersWithoutGap,
  linesOnce,
  slotsAreKept,
};

export const checkHistory = (history: History): Violation[] =>
  Object.values(CHECKS).flatMap((check) => check(history));
