import { type ErrorDetail } from '@tauro/domain';

/** What the API asks its checker process. */
export interface CheckRequest {
  id: number;
  definition: unknown;
}

/** What it answers: that it has loaded, then the faults of each definition, or why the check itself failed. */
export type CheckAnswer = 'ready' | ({ id: number } & ({ errors: ErrorDetail[] } | { failure: string }));
