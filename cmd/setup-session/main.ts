import { runOnProcess } from '../../internal/cli/process.ts';
import { setupSession } from './cli.ts';

void runOnProcess(setupSession);
