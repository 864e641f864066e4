import { runOnProcess } from '../../internal/cli/process.ts';
import { serviceConnection } from './cli.ts';

void runOnProcess(serviceConnection);
