import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import { ApiBody, ApiExcludeController, ApiHeader, ApiTags } from '@nestjs/swagger';
import { type JsonObject } from '@tauro/domain';
import { type Request } from 'express';
import { Public } from '../auth/access.decorator.js';
import { ApiData, ApiErrors } from '../http/openapi/decorators.js';
import { RequestId } from '../http/request-id.js';
import { AcceptedCall } from './hook.dto.js';
import { CALL_EXAMPLE } from './hook.examples.js';
import { HookService } from './hook.service.js';

const BODY = {
  schema: { type: 'object', additionalProperties: true },
  required: false,
  examples: { example: { value: CALL_EXAMPLE } },
};

@ApiTags('triggers')
@Controller('api/v1/hooks')
export class HooksController {
  constructor(private readonly hooks: HookService) {}

  /** Start the run of a WEBHOOK trigger; its address is the credential, and with a secret the signature too */
  @Post(':token')
  @Public()
  @HttpCode(202)
  @ApiHeader({
    name: 'X-Tauro-Timestamp',
    required: false,
    description: 'Seconds since 1970, not more than 300 from now; with `X-Tauro-Signature`.',
    example: '1763431500',
  })
  @ApiHeader({
    name: 'X-Tauro-Signature',
    required: false,
    description:
      '`v1=` and the HMAC-SHA256, in hex, of timestamp, full stop and body, for a trigger with a secret.',
    example: 'v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd',
  })
  @ApiHeader({
    name: 'X-Hub-Signature-256',
    required: false,
    description: 'Likewise, as GitHub signs: `sha256=` and the HMAC-SHA256, in hex, of the body.',
    example: 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
  })
  @ApiHeader({
    name: 'X-Tauro-Delivery',
    required: false,
    description:
      'What tells this call from others: one that comes again starts nothing. Also `Idempotency-Key` or `X-GitHub-Delivery`.',
    example: 'ntf_01JD0Z5K3V6F1A2B3C4D5E6F7A8B9C',
  })
  @ApiBody(BODY)
  @ApiData(AcceptedCall, 202)
  @ApiErrors('NOT_FOUND', 'UNAUTHORIZED', 'CONFLICT', 'RATE_LIMIT_EXCEEDED')
  callHook(
    @Param('token') token: string,
    @Body() body: JsonObject | undefined,
    @Req() request: Request,
    @RequestId() requestId: string,
  ): Promise<AcceptedCall> {
    return this.hooks.receive(token, body ?? {}, request, requestId);
  }
}

/** The same at a shorter address. */
@ApiExcludeController()
@Controller('hooks')
export class ShortHooksController {
  constructor(private readonly hooks: HookService) {}

  @Post(':token')
  @Public()
  @HttpCode(202)
  callHook(
    @Param('token') token: string,
    @Body() body: JsonObject | undefined,
    @Req() request: Request,
    @RequestId() requestId: string,
  ): Promise<AcceptedCall> {
    return this.hooks.receive(token, body ?? {}, request, requestId);
  }
}
