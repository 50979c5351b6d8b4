<?php
// A front controller, served as the index.php of a folder by `php -S`. It takes the path from
// PATH_INFO, which the server has decoded and cleaned.

$path = $_SERVER['PATH_INFO'] ?? $_SERVER['SCRIPT_NAME'];
if (preg_match('#^(/(account|p@q|café)/|/chat$|/api/v[^/]+/orders$)#', $path)) {
    echo "resource: $path\n";
} else {
    http_response_code(404);
    echo "resource: none\n";
}
