import { type JsonObject } from '@tauro/domain';

/** Where requests go, but for a bucket that stands before the host. */
export function endpointOf({ endpoint, region }: JsonObject): string {
  return typeof endpoint === 'string'
    ? endpoint
    : `https://s3.${String(region ?? 'us-east-1')}.amazonaws.com`;
}
