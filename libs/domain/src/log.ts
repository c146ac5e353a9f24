/** Levels of a run's log, least severe first. */
export const LOG_LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One line of a run's log as it is stored and shown. */
export interface LogLine {
  timestamp: Date;
  level: LogLevel;
  message: string;
  task_id: string | null;
  node_id: string | null;
  attempt: number | null;
}
