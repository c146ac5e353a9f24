import { Injectable } from '@nestjs/common';
import { derivedKey, Env, keyId } from '@tauro/platform';
import { SignJWT } from 'jose';

/** What tokens of this server's own say of themselves; those of an identity provider never have this algorithm. */
export const OWN_TOKENS = { algorithm: 'HS256', issuer: 'tauro', audience: 'tauro-api', purpose: 'tokens' };

/** Makes tokens that stand for a key: they say which, and what that may do is looked up whenever one is used. */
@Injectable()
export class TokenIssuer {
  private readonly secret: Buffer;

  constructor(private readonly env: Env) {
    this.secret = derivedKey(env, OWN_TOKENS.purpose);
  }

  /** @param ends when the key ends, which its tokens do not outlive. */
  async issue(key: string, ends: Date | null, now = new Date()): Promise<{ token: string; seconds: number }> {
    const left = ends ? Math.floor((ends.getTime() - now.getTime()) / 1000) : Infinity;
    const seconds = Math.min(this.env.TOKEN_TTL_SECONDS, left);
    const issued = Math.floor(now.getTime() / 1000);
    const token = await new SignJWT()
      .setProtectedHeader({ alg: OWN_TOKENS.algorithm, typ: 'JWT', kid: keyId(this.env) })
      .setIssuer(OWN_TOKENS.issuer)
      .setAudience(OWN_TOKENS.audience)
      .setSubject(key)
      .setIssuedAt(issued)
      .setExpirationTime(issued + seconds)
      .sign(this.secret);
    return { token, seconds };
  }
}
