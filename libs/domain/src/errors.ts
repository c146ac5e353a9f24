/** Every error code a client can meet, and the HTTP status it travels with. */
export const ERROR_STATUS = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  PRECONDITION_FAILED: 412,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  VALIDATION_ERROR: 422,
  RATE_LIMIT_EXCEEDED: 429,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
  TIMEOUT: 504,
} as const;
export type ErrorCode = keyof typeof ERROR_STATUS;

/** One thing wrong with one field; `field` is a dotted path such as `nodes.2.config.path`. */
export interface ErrorDetail {
  field: string;
  message: string;
  type: string;
}

/** An error whose message is meant for the client. Services throw it; the API's filter and the CLI print it. */
export class DomainError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: ErrorDetail[] = [],
    /** Seconds after which it is worth trying again, where that is known. */
    readonly retryAfter?: number,
  ) {
    super(message);
    this.name = 'DomainError';
  }

  get status(): number {
    return ERROR_STATUS[this.code];
  }
}

/** @param where what should have it, such as `in run 'run_1'`. */
export const notFound = (what: string, id: string | number, where?: string): DomainError =>
  new DomainError('NOT_FOUND', [`${what} '${id}' was not found`, where].filter(Boolean).join(' '));

export const conflict = (message: string, details: ErrorDetail[] = []): DomainError =>
  new DomainError('CONFLICT', message, details);

/** 422 with one entry per bad field. */
export function invalid(details: ErrorDetail[], message?: string): DomainError {
  const first = details[0];
  return new DomainError(
    'VALIDATION_ERROR',
    message ?? (first ? `${first.field}: ${first.message}` : 'The request is not valid'),
    details,
  );
}
