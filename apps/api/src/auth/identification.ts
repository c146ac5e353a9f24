import { Injectable } from '@nestjs/common';
import { DomainError } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { type Request, type RequestHandler } from 'express';
import { storeError } from '../http/store-errors.js';
import { notValid } from './challenge.js';
import { KeyChecker } from './keys/key-checker.service.js';
import { NOBODY, type Principal, type RequestContext, within } from './principal.js';
import { TokenChecker } from './tokens/token-checker.service.js';

const BEARER = /^Bearer +([\w.~+/=-]+)$/i;

/** Finds out who asks, before anything else looks at the request. Whether they may, the guards decide. */
@Injectable()
export class Identification {
  constructor(
    private readonly keys: KeyChecker,
    private readonly tokens: TokenChecker,
    private readonly env: Env,
  ) {}

  /** Puts who asks where `currentPrincipal` finds it. */
  middleware(): RequestHandler {
    return (req, _res, next) => {
      this.contextOf(req).then((context) => within(context, next), next);
    };
  }

  /** What is wrong with the credentials matters only to routes that need some: /health answers whoever asks. */
  private async contextOf(req: Request): Promise<RequestContext> {
    const now = async (): Promise<Principal> => (await this.principalOf(req)) ?? NOBODY;
    try {
      return { principal: await now(), now };
    } catch (error) {
      const refusal = error instanceof DomainError ? error : storeError(error);
      if (!refusal) throw error;
      return { principal: NOBODY, refusal };
    }
  }

  private async principalOf(req: Request): Promise<Principal | undefined> {
    const key = req.get(this.env.API_KEY_HEADER);
    const { authorization } = req.headers;
    if (key !== undefined && authorization !== undefined) {
      const message = `Send either ${this.env.API_KEY_HEADER} or Authorization, not both`;
      throw new DomainError('UNAUTHORIZED', message);
    }
    if (key !== undefined) return this.keys.check(key);
    if (authorization === undefined) return undefined;
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) throw notValid();
    return this.tokens.check(token);
  }
}
