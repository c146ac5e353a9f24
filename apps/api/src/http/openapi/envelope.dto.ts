import { META_EXAMPLE, setExample } from './examples.js';

/** What stands beside the data of every answer. */
export class ResponseMeta {
  /**
   * When the answer was made.
   * @example "2025-11-18T10:00:00.000Z"
   */
  timestamp!: Date;

  /**
   * The request's `X-Request-ID`, or the id it was given.
   * @example "req_01JD0Z5K3V7M8N9P0Q1R2S3T4V"
   */
  request_id!: string;

  /** @example "1.0.0" */
  version!: string;
}

export class ListMeta extends ResponseMeta {
  /**
   * How many items there are; left out with `cursor` unless `include_total=true`, and with `include_total=false`.
   * @example 150
   */
  total?: number;

  /** Counting stopped at `total`. */
  total_is_lower_bound?: boolean;

  /** @example 50 */
  limit!: number;

  /** @example 0 */
  offset!: number;

  /** @example true */
  has_more!: boolean;

  /** `cursor` of the next page; null on the last. */
  next_cursor!: string | null;
}

/** One thing wrong with one field. */
export class ErrorEntry {
  /** @example "nodes.2.config.path" */
  field!: string;

  message!: string;

  /** @example "value_error" */
  type!: string;
}

export class ErrorBody {
  /** @example "VALIDATION_ERROR" */
  code!: string;

  message!: string;

  details!: ErrorEntry[];
}

/** What every failed request answers. */
export class ErrorEnvelope {
  error!: ErrorBody;

  meta!: ResponseMeta;
}

/** What a DELETE answers. */
export class Deleted {
  id!: string;

  /** @example true */
  deleted!: boolean;
}

setExample(ResponseMeta, META_EXAMPLE);
setExample(Deleted, { id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V', deleted: true });
