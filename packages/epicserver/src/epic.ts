#!/usr/bin/env node
/** The `epic` command of the installed package. */
import '@epicserver/cli/main'
