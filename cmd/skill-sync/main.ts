import { runOnProcess } from '../../internal/cli/process.ts';
import { skillSync } from './cli.ts';

void runOnProcess(skillSync);
