import { type Type } from '@nestjs/common';
import { type ErrorCode, type ErrorDetail } from '@tauro/domain';
import { VERSION } from '../../version.js';

export const META_EXAMPLE = {
  timestamp: '2025-11-18T10:00:00.000Z',
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  version: VERSION,
};

const examples = new Map<Type, unknown>();

/** Registers what an answer with this model looks like; each room does so for its own. */
export function setExample<T extends object>(model: Type<T> | (abstract new () => T), example: object): void {
  examples.set(model as Type, example);
}

/** @throws Error for a model nobody gave an example for. */
export function exampleOf(model: Type): unknown {
  if (!examples.has(model)) throw new Error(`no example of ${model.name}: call setExample`);
  return examples.get(model);
}

const error = (code: ErrorCode, message: string, details: ErrorDetail[] = []) => ({ code, message, details });

export const ERROR_EXAMPLES: Record<ErrorCode, ReturnType<typeof error>> = {
  BAD_REQUEST: error('BAD_REQUEST', 'The body is not valid JSON'),
  UNAUTHORIZED: error('UNAUTHORIZED', 'Authentication is required: send an API key or a bearer token'),
  FORBIDDEN: error('FORBIDDEN', "This needs the permission 'runs:execute'"),
  NOT_FOUND: error('NOT_FOUND', "Run 'run_abc123' was not found"),
  METHOD_NOT_ALLOWED: error('METHOD_NOT_ALLOWED', 'PATCH is not possible here; allowed: GET, HEAD'),
  CONFLICT: error('CONFLICT', 'It exists already, or its state does not allow this'),
  PRECONDITION_FAILED: error('PRECONDITION_FAILED', 'It has changed since'),
  PAYLOAD_TOO_LARGE: error('PAYLOAD_TOO_LARGE', 'The body is larger than 1 MB'),
  UNSUPPORTED_MEDIA_TYPE: error(
    'UNSUPPORTED_MEDIA_TYPE',
    'Content-Type must be application/json, got text/plain',
  ),
  VALIDATION_ERROR: error('VALIDATION_ERROR', 'name: is required', [
    { field: 'name', message: 'is required', type: 'missing' },
  ]),
  RATE_LIMIT_EXCEEDED: error('RATE_LIMIT_EXCEEDED', 'Too many requests'),
  INTERNAL_ERROR: error('INTERNAL_ERROR', 'The server failed; its log has the reason under this request id'),
  SERVICE_UNAVAILABLE: error(
    'SERVICE_UNAVAILABLE',
    'A store is not reachable at the moment; try again shortly',
  ),
  TIMEOUT: error('TIMEOUT', 'The operation took too long'),
};
