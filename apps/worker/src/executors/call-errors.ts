import { NodeError } from '@tauro/nodes';
import { CallFailed } from '@tauro/processes';

/** What a call failed with, as the attempt fails; what else went wrong is left as it is. */
export const asNodeError = (error: unknown): unknown =>
  error instanceof CallFailed ? new NodeError(error.name, error.message, error.retryable) : error;
