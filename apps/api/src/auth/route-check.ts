import { Injectable, type OnModuleInit } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { accessOf } from './access.decorator.js';

/** Refuses to start while some route does not say who may use it: forgetting that must not mean "nobody" in production. */
@Injectable()
export class RouteCheck implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** @throws Error that names the methods and the two decorators. */
  onModuleInit(): void {
    const silent = this.discovery.getControllers().flatMap(({ instance, name }) => {
      const prototype = Object.getPrototypeOf(instance) as Record<string, object>;
      return this.scanner
        .getAllMethodNames(prototype)
        .filter((method) => Reflect.hasMetadata(PATH_METADATA, prototype[method]!))
        .filter((method) => !accessOf(prototype[method]!))
        .map((method) => `${name}.${method}`);
    });
    if (silent.length === 0) return;
    throw new Error(
      `${silent.join(', ')}: say who may use it, by @Authenticated('permission') or @Public() (apps/api/src/auth)`,
    );
  }
}
