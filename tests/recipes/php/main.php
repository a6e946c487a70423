<?php

// Logs each line of its standard input with the recipe of docs/publishers.md, and answers it when the logger has returned.
require 'Monolog/autoload.php';
require __DIR__ . '/hub.php';

$log = new Monolog\Logger('shop', [new HubHandler('127.0.0.1', 6379, 'app')]);
while (($text = fgets(STDIN)) !== false) {
    $log->warning(rtrim($text, "\n"));
    echo "logged\n";
}
