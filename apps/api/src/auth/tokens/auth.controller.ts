import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiSecurity, ApiTags } from '@nestjs/swagger';
import { conflict, type DomainError } from '@tauro/domain';
import { canSeal, Env } from '@tauro/platform';
import { type Request, type Response } from 'express';
import { ApiData, ApiErrors } from '../../http/openapi/decorators.js';
import { Authenticated, Public } from '../access.decorator.js';
import { challenge } from '../challenge.js';
import { KeyChecker } from '../keys/key-checker.service.js';
import { currentPrincipal } from '../principal.js';
import { Me, TokenAnswer } from './auth.dto.js';
import { TokenIssuer } from './token-issuer.service.js';

@ApiTags('auth')
@Controller('api/v1/auth')
export class AuthController {
  constructor(
    private readonly keys: KeyChecker,
    private readonly tokens: TokenIssuer,
    private readonly env: Env,
  ) {}

  /** Exchange an API key for a token that stands for it, to be used where a key should not be */
  @Post('token')
  @HttpCode(200)
  @Public()
  @ApiSecurity('api_key')
  @ApiData(TokenAnswer)
  @ApiErrors('UNAUTHORIZED', 'CONFLICT')
  async createToken(@Req() req: Request, @Res({ passthrough: true }) res: Response): Promise<TokenAnswer> {
    if (!canSeal(this.env)) {
      throw conflict('tokens would protect nothing while SECRET_KEY is the published placeholder');
    }
    // A token for a token would never end, so only the key itself counts.
    const secret = req.get(this.env.API_KEY_HEADER);
    if (secret === undefined) throw challenge(res);
    const { id, expires_at } = await this.keys.check(secret).catch((error: DomainError) => {
      throw challenge(res, error);
    });
    const { token, seconds } = await this.tokens.issue(id, expires_at);
    res.setHeader('Cache-Control', 'no-store');
    return { access_token: token, token_type: 'Bearer', expires_in: seconds };
  }

  /** Tell who asks, and what they may do */
  @Get('me')
  @Authenticated()
  @ApiData(Me)
  getMe(): Me {
    const principal = currentPrincipal();
    return { ...principal, user: principal.name };
  }
}
