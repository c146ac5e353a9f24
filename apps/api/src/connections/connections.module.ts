import { Module } from '@nestjs/common';
import { ConnectionService } from './connection.service.js';
import { ConnectionTester } from './connection-tester.js';
import { ConnectionsController } from './connections.controller.js';

@Module({ controllers: [ConnectionsController], providers: [ConnectionService, ConnectionTester] })
export class ConnectionsModule {}
