<?php
// A router script for `php -S` that takes the path from REQUEST_URI.

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$path = is_string($path) ? rawurldecode($path) : '';
if (preg_match('#^(/(account|p@q|café)/|/chat$|/api/v[^/]+/orders$)#', $path)) {
    echo "resource: $path\n";
} else {
    http_response_code(404);
    echo "resource: none\n";
}
