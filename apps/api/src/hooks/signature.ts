import { createHmac, timingSafeEqual } from 'node:crypto';

/** How old, or how far ahead of this clock, a signed call may be. */
export const TOLERANCE_SECONDS = 300;

/** A call as it came. */
export interface SignedCall {
  body: Buffer;
  header: (name: string) => string | undefined;
}

/** What a check has found: a fault to be told, or the signature, if it covers the time and so is never the same twice. */
export type Verdict = { fault: string } | { fault?: undefined; unique?: string };

/**
 * Checks a call against the secret: as notifications of Tauro are signed (over time and body), or as GitHub signs (over
 * the body). The comparison takes the same time whatever is wrong.
 * @param now in milliseconds.
 */
export function checkSignature({ body, header }: SignedCall, secret: string, now: number): Verdict {
  const signature = header('x-tauro-signature');
  if (signature !== undefined) {
    const timestamp = header('x-tauro-timestamp') ?? '';
    if (!isEqual(signature, `v1=${hmac(secret, `${timestamp}.`, body)}`)) return { fault: MISMATCH };
    // Only now: what says when is signed as well.
    const isFresh =
      /^\d{1,12}$/.test(timestamp) && Math.abs(now / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS;
    if (isFresh) return { unique: signature };
    return { fault: `X-Tauro-Timestamp must be within ${TOLERANCE_SECONDS} seconds of now` };
  }
  const github = header('x-hub-signature-256');
  if (github === undefined)
    return { fault: 'X-Tauro-Signature is missing: this hook takes signed calls only' };
  return isEqual(github, `sha256=${hmac(secret, '', body)}`) ? {} : { fault: MISMATCH };
}

const MISMATCH = 'The signature does not match the body and this hook';

const hmac = (secret: string, prefix: string, body: Buffer): string =>
  createHmac('sha256', secret).update(prefix).update(body).digest('hex');

function isEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
